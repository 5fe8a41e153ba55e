"""The list of the last fallbacks names causes in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.outcomes import Outcome
from pages.groups.home.fallback_rows import fallback_row

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"status_code": 503, "error_class": "ServiceUnavailableError"}, "503"),
        ({"status_code": 504, "error_class": "Timeout"}, "timeout"),
        ({"status_code": None, "error_class": "Timeout"}, "timeout"),
        ({"status_code": None, "error_class": "UpstreamConnectionError"}, "no connection"),
        ({"status_code": None, "error_class": "SomethingNewError"}, "something new"),
        ({"status_code": None, "error_class": None}, "failed"),
    ],
)
def test_a_failure_is_a_status_or_words_and_never_the_name_of_a_class(failure: dict[str, Any], words: str):
    attempts = [{"provider": "A", "status": "error", **failure}, {"provider": "B", "status": "success"}]
    assert fallback_row(("c", NOW, 5.0, Outcome.ANSWERED, attempts, []), {}).cause == words
