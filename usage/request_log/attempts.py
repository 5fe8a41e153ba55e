"""What one attempt says about the provider it was made at, from attempts as the request log holds them. Pure.

Success of a provider is counted from attempts and not from requests: a request that another provider answered in the
end is a success, and says nothing about the one that failed before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.ledger import KEY_REFUSALS
from engine.outcomes import ABOUT_THE_REQUEST


def has_failed(attempt: Mapping[str, Any]) -> bool | None:
    """Whether the provider failed it; None when it says nothing about the provider.

    That is so while it is pending, after the caller left, when the request itself was refused (400, 413, 422), and when
    the caller's own key was refused or is out of money or quota (401, 402, 403, 429).
    """
    if attempt.get("status") == "success":
        return False
    if attempt.get("status") != "error" or is_callers_fault(attempt):
        return None
    return True


def is_callers_fault(attempt: Mapping[str, Any]) -> bool:
    """Whether an attempt failed because of the request itself or of the caller's own key."""
    status = attempt.get("status_code")
    return status in ABOUT_THE_REQUEST or (bool(attempt.get("own_key")) and status in KEY_REFUSALS)
