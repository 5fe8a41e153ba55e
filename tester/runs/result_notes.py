"""What a run's numbers don't show by themselves, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lib.typography import THIN


def notes_on(result: Mapping[str, Any]) -> Iterator[str]:
    """One sentence each; none for results of older versions."""
    if hedged := result.get("hedged_requests", 0):
        yield f"{hedged:,} {'request was' if hedged == 1 else 'requests were'} hedged: a second deployment was asked."
    if rescued := result.get("rescued_requests", 0):
        was = "stream broke and was" if rescued == 1 else "streams broke and were"
        yield f"{rescued:,} {was} rescued by another attempt."
    if (cached := result.get("cached_share")) is not None:
        yield f"{100 * cached:.1f}{THIN}% of the input tokens were read from the providers' prompt caches."


def failure_in_words(error_class: str) -> str:
    """`ServiceUnavailableError` as `service unavailable`."""
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", error_class).removesuffix(" Error").split()
    return " ".join(word if word.isupper() else word.lower() for word in words)
