"""The outcome of a request: the one rule for the request log, sums, alerts, pages and rehearsals (see
docs/GLOSSARY.md)."""

from __future__ import annotations

from enum import StrEnum

CLIENT_LEFT = 499
# Statuses about the request itself: every other upstream would answer the same.
ABOUT_THE_REQUEST = frozenset({400, 413, 422})
OWN_KEY_REFUSED = "own_key_refused"


class Outcome(StrEnum):
    """Answered, failed (our fault or an upstream's), refused (the caller's fault or limits), or left by the caller."""

    ANSWERED = "answered"
    FAILED = "failed"
    REFUSED = "refused"
    LEFT = "left"


def outcome_of(status: int, *, was_routed: bool, code: str = "") -> Outcome:
    """The outcome of a request by the HTTP status and `code` that it ended with.

    `was_routed`: the gateway admitted it and passed it to its group, so that a status from 400 on comes from a
    deployment, or means that none was free. A broken stream ends with 502, although its caller saw 200 at the start.
    """
    if status < 400:
        return Outcome.ANSWERED
    if status == CLIENT_LEFT:
        return Outcome.LEFT
    if status >= 500:
        return Outcome.FAILED
    is_refused = not was_routed or status in ABOUT_THE_REQUEST or code == OWN_KEY_REFUSED
    return Outcome.REFUSED if is_refused else Outcome.FAILED


def success_rate(answered: float, failed: float) -> float | None:
    """The share, 0 to 1, of answered requests in answered and failed ones; None without either."""
    tried = answered + failed
    return answered / tried if tried else None
