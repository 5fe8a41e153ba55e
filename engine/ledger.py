"""The ledger: every attempt of one request, in order. The shared vocabulary of the product.

An attempt is one call of one upstream. Tier moves are derived from the attempts themselves, because
LiteLLM's own counters are wrong (it reports one fallback for two hops, and no retries for five attempts).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

AttemptStatus = Literal["pending", "success", "error", "cancelled"]


@dataclass(slots=True)
class Attempt:
    """One try of one deployment. Times: `started_at` Unix seconds, durations milliseconds.

    `status` is `pending` while the answer (or stream) is on its way and `cancelled` when the caller left.
    `moved_on_because` says why the router tried something else after this attempt (None on the last one).
    """

    deployment_id: str
    deployment_name: str
    provider: str
    model_group: str
    tier: int
    started_at: float
    duration_ms: float | None = None
    first_token_ms: float | None = None
    status: AttemptStatus = "pending"
    status_code: int | None = None
    error_class: str | None = None
    error_message: str | None = None
    moved_on_because: str | None = None


@dataclass(slots=True)
class Trace:
    """All attempts of one request, in order, and what became of it."""

    call_id: str
    model_group: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def served_by(self) -> Attempt | None:
        """The attempt that answered, if any."""
        return next((a for a in reversed(self.attempts) if a.status in ("success", "pending")), None)

    @property
    def retries(self) -> int:
        """Attempts that stayed in the group and tier of the attempt before them."""
        return sum(_stayed(a, b) for a, b in _pairs(self.attempts))

    @property
    def fallbacks(self) -> int:
        """Moves to another tier or group: hops, not requests."""
        return sum(not _stayed(a, b) for a, b in _pairs(self.attempts))


def _pairs(attempts: Sequence[Attempt]) -> zip[tuple[Attempt, Attempt]]:
    return zip(attempts, attempts[1:], strict=False)


def _stayed(before: Attempt, after: Attempt) -> bool:
    return (before.model_group, before.tier) == (after.model_group, after.tier)


current_trace: ContextVar[Trace | None] = ContextVar("current_trace", default=None)
"""The trace of the request this task works for; set in the request's own task, read at the leaf."""
