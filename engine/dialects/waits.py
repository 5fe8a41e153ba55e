"""The wait that an upstream asks for: its headers and the details of its error -> seconds. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

EPOCH_S, EPOCH_MS = 1e9, 1e12
# The longest limits of providers are monthly. A longer wait is a mistake and is ignored.
LONGEST_S = 31 * 86400.0
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds of `retry-after-ms` or `Retry-After` (a number or an HTTP date). `now` is Unix seconds."""
    by_name = _lowered(headers)
    milliseconds = _number(by_name.get("retry-after-ms", ""))
    if milliseconds is not None and (told := _believed(milliseconds / 1000)) is not None:
        return told
    return seconds_in(by_name.get("retry-after", ""), now=now)


def reset_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds until the exhausted limits reset (`x-ratelimit-reset-tokens` and similar).

    The headers with the remaining amounts decide which limit it was; without them the latest reset counts.
    """
    by_name = _lowered(headers)
    resets = {
        name: seconds
        for name, value in by_name.items()
        if "ratelimit" in name.replace("rate-limit", "ratelimit") and "reset" in name
        if (seconds := seconds_in(value, now=now)) is not None
    }
    used_up = [s for name, s in resets.items() if _number(by_name.get(name.replace("reset", "remaining"), "")) == 0]
    return max(used_up or resets.values(), default=None)


def delay_s(details: Iterable[Any], *, now: float) -> float | None:
    """Seconds of Google's RetryInfo (`retryDelay`), among the details of an error."""
    delays = (row.get("retryDelay") for row in details if isinstance(row, dict))
    return next((s for delay in delays if (s := seconds_in(str(delay or ""), now=now)) is not None), None)


def seconds_in(text: str, *, now: float) -> float | None:
    """Seconds from now: `7`, `1.5`, `120ms`, `6m0s`, an epoch (s or ms), an ISO or HTTP date; else None.

    0 for the past, None for more than `LONGEST_S`.
    """
    text = text.strip()[:64]
    if (number := _number(text)) is not None:
        return _believed(number if number < EPOCH_S else number / (1000 if number >= EPOCH_MS else 1) - now)
    parts = PART.findall(text.lower())
    if parts and "".join(a + b for a, b in parts) == text.lower():
        return _believed(sum(float(a) * UNITS_S[b] for a, b in parts))
    moment = _moment(text)
    return None if moment is None else _believed(moment.timestamp() - now)


def _believed(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds <= LONGEST_S else None


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
