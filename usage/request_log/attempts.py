"""Whether an attempt counts as a failure of its provider, from the attempts of the request log.

Pure. The success of a provider is counted by attempts, not by requests: a request that another provider answered in the
end is a success, but the first provider's attempt failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.ledger import KEY_REFUSALS
from engine.outcomes import ABOUT_THE_REQUEST


def has_failed(attempt: Mapping[str, Any]) -> bool | None:
    """Whether the provider failed; None if the attempt does not count: while it is pending, after the caller left, if
    the request itself was refused (400, 413, 422), and if the caller's own key was refused or is out of credit or quota
    (401, 402, 403, 429).
    """
    if attempt.get("status") == "success":
        return False
    if attempt.get("status") != "error" or is_callers_fault(attempt):
        return None
    return True


def is_callers_fault(attempt: Mapping[str, Any]) -> bool:
    """Whether an attempt failed because of the request itself or the caller's own key."""
    status = attempt.get("status_code")
    return status in ABOUT_THE_REQUEST or (bool(attempt.get("own_key")) and status in KEY_REFUSALS)
