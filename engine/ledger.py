"""The ledger: every attempt of one request, in order. The shared vocabulary of the product.

An attempt is one call of one upstream. Tier moves are derived from the attempts themselves, because
LiteLLM's own counters are wrong (it reports one fallback for two hops, and no retries for five attempts).
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

AttemptStatus = Literal["pending", "success", "error", "cancelled"]

# How a provider refuses a key, or says that its money or quota is used up: by status, and some by 400 and words.
KEY_REFUSALS = frozenset({401, 402, 403, 429})
REFUSAL_WORDS = ("credit balance", "api key not valid", "invalid api key", "incorrect api key")


def new_call_id() -> str:
    """32 hexadecimal digits that nobody else has.

    The first four are the second: what is logged together lies together in the log's index, however large that is.
    Random to the first digit, a batch of 500 would rewrite 500 of its pages.
    """
    return f"{int(time.time()) & 0xFFFF:04x}{secrets.token_hex(14)}"


@dataclass(slots=True)
class Attempt:
    """One try of one deployment. Times: `started_at` Unix seconds, durations milliseconds.

    `fallback_depth` is the distance from the first tier of the group that was asked for: 1 in its second tier,
    even when the first was only cooling down and nothing was tried there; a fallback group's tiers count on.
    `status` is `pending` while the answer (or stream) is on its way and `cancelled` when the caller left.
    `moved_on_because` says why the router tried something else after this attempt (None on the last one):
    `retry_…` within the tier, `fallback_…` to another tier or group, each with `error`, `rate_limit`, `timeout` or
    `own_key_refused`. `model` is what the provider calls it; `own_key` says that the caller's key was used.
    """

    deployment_id: str
    deployment_name: str
    provider: str
    model_group: str
    tier: int
    started_at: float
    fallback_depth: int = 0
    duration_ms: float | None = None
    first_token_ms: float | None = None
    status: AttemptStatus = "pending"
    status_code: int | None = None
    error_class: str | None = None
    error_message: str | None = None
    moved_on_because: str | None = None
    provider_id: str = ""
    model: str = ""
    own_key: bool = False

    @property
    def is_key_refused(self) -> bool:
        """Whether the caller's own key was refused, or is out of money or quota: nobody else's trouble."""
        if not self.own_key or self.status_code != 400:
            return self.own_key and self.status_code in KEY_REFUSALS
        said = (self.error_message or "").lower()
        return any(words in said for words in REFUSAL_WORDS)

    @property
    def place(self) -> tuple[str, int]:
        """Where this attempt was made: its group and tier."""
        return self.model_group, self.tier


@dataclass(slots=True)
class Trace:
    """All attempts of one request, in order, and what became of it."""

    call_id: str
    model_group: str
    attempts: list[Attempt] = field(default_factory=list)

    def begin(self, attempt: Attempt) -> Attempt:
        """Adds an attempt, and says of the one before it why the router moved on."""
        if self.attempts:
            before = self.attempts[-1]
            verb = "retry" if before.place == attempt.place else "fallback"
            before.moved_on_because = f"{verb}_{_cause(before)}"
        self.attempts.append(attempt)
        return attempt

    @property
    def last(self) -> Attempt | None:
        """The attempt that answered, or the last one that failed; None when nothing was tried."""
        return self.attempts[-1] if self.attempts else None

    @property
    def retries(self) -> int:
        """Attempts that stayed in the group and tier of the attempt before them."""
        return sum(a.place == b.place for a, b in pairwise(self.attempts))

    @property
    def fallbacks(self) -> int:
        """Moves to another tier or group: hops, not requests."""
        return sum(a.place != b.place for a, b in pairwise(self.attempts))


def _cause(attempt: Attempt) -> str:
    if attempt.is_key_refused:
        return "own_key_refused"
    if attempt.status_code == 429:
        return "rate_limit"
    return "timeout" if attempt.status_code in (408, 504) else "error"
