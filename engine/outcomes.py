"""How a request ended: the one rule, for the request log, sums, alerts, pages and rehearsals (see docs/GLOSSARY.md)."""

from __future__ import annotations

from enum import StrEnum

CLIENT_LEFT = 499
# What an upstream says of the request itself: every other would say so, too.
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

    `was_routed`: the gateway let it in and handed it to its group, so that a status from 400 on is a deployment's, or
    says that none was free. A stream that broke ends with 502, although its caller was told 200 when it began.
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
    """The share, 0 to 1, of answered requests in answered and failed ones; None without any."""
    tried = answered + failed
    return answered / tried if tried else None
