"""The ledger: every attempt of one request, in order. The shared vocabulary of the product.

An attempt is one call to one upstream. Moves between tiers are derived from the attempts themselves, because LiteLLM's
own counters are wrong (it reports one fallback for two hops, and no retries for five attempts).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from itertools import pairwise
from typing import Any, Literal, NamedTuple

AttemptStatus = Literal["pending", "success", "error", "cancelled"]

# Statuses by which a provider refuses a key, or says that its credit or quota is used up; some use 400 and a text.
KEY_REFUSALS = frozenset({401, 402, 403, 429})
# Error classes of attempts that waiting, or a longer limit, could have prevented.
RATE_LIMITS, TIMEOUTS = frozenset({"RateLimitError"}), frozenset({"Timeout"})
REFUSAL_WORDS = ("credit balance", "api key not valid", "invalid api key", "incorrect api key")


def new_call_id() -> str:
    """A unique id of 32 hexadecimal digits.

    The first four are from the clock's seconds, so that requests of one time lie together in the log's index. With
    fully random ids, a batch of 500 would rewrite 500 pages of the index.
    """
    return f"{int(time.time()) & 0xFFFF:04x}{_random.hex(14)}"


class _Random:
    """Random digits from the system's source, fetched for many ids at once: each fetch is a system call."""

    def __init__(self, ids: int = 256) -> None:
        self._ids = ids
        self.forget()

    def forget(self) -> None:
        """Drops what was fetched: a forked process must not repeat the digits of its parent."""
        self._fetched = BytesIO()

    def hex(self, size: int) -> str:
        """Digits of so many bytes that nobody else has had."""
        piece = self._fetched.read(size)
        if len(piece) < size:
            self._fetched = fetched = BytesIO(secrets.token_bytes(size * self._ids))
            piece = fetched.read(size)
        return piece.hex()


_random = _Random()
os.register_at_fork(after_in_child=_random.forget)


class Rescue(StrEnum):
    """How an attempt goes on with a stream that broke: it continues the answer, or begins it again."""

    CONTINUED = "continued"
    RESTARTED = "restarted"


class Hedge(StrEnum):
    """What an attempt was in a pair that ran at once: asked beside one that was slow to begin, or closed because the
    other one was faster."""

    HEDGED = "hedged"
    LOST = "hedge_lost"


@dataclass(slots=True)
class Attempt:
    """One call to one deployment. Times: `started_at` Unix seconds, durations milliseconds.

    `fallback_depth` is the distance from the first tier of the requested group: 1 in its second tier, even when the
    first was only cooling down; the tiers of a fallback group continue the count. `status_code` is the HTTP status,
    None without one: for a broken connection, or a limit of ours. `status` is `pending` while the answer (or stream) is
    on its way and `cancelled` when the caller left. `moved_on_because` says why the router tried something else after
    this attempt (None on the last one): `fallback_…` to another tier or group, `retry_…` at a deployment that this
    request had asked before, `other_…` at another one of the tier, each with
    `error`, `rate_limit`, `timeout` or `own_key_refused`; or `hedged`: it was slow to begin, so the next attempt ran
    beside it. `model` is the provider's name for it; `own_key` says that
    the caller's key was used. `dropped_events` counts events of the stream that were not JSON, `dropped_params` are
    parameters of the caller that the provider's dialect does not have. `dialect` is the protocol that was spoken with
    the provider: `chat`, `responses`, `messages`, or `litellm`; "" for other endpoints and in rehearsals. `sticky`: it
    was asked first because it answered the conversation last. `rescue` is a `Rescue`, or empty: the stream before broke
    after its first content. `hedge` is a `Hedge`, or empty. `part` are input tokens, output tokens and cost in US
    dollars (None: no price) of each part of such a stream, and of an attempt that another one was faster than.
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
    dropped_events: int = 0
    dropped_params: tuple[str, ...] = ()
    sticky: bool = False
    rescue: str = ""
    part: tuple[int, int, float | None] | None = None
    dialect: str = ""
    hedge: str = ""

    @property
    def is_key_refused(self) -> bool:
        """Whether the caller's own key was refused, or is out of credit or quota; that concerns only this caller."""
        if not self.own_key or self.status_code != 400:
            return self.own_key and self.status_code in KEY_REFUSALS
        said = (self.error_message or "").lower()
        return any(words in said for words in REFUSAL_WORDS)

    @property
    def place(self) -> tuple[str, int]:
        """The group and tier of this attempt."""
        return self.model_group, self.tier


class SkipReason(StrEnum):
    """Why a candidate was not asked; `not_needed` is not a skip: an earlier candidate answered."""

    COOLING = "cooling"
    PROBE_RUNNING = "probe_running"
    RATE_LIMITED = "rate_limited"
    AT_CAPACITY = "at_capacity"
    RETRY_BUDGET = "retry_budget"
    CONTEXT_TOO_SMALL = "context_too_small"
    UNSUITABLE = "unsuitable"
    NOT_ALLOWED = "not_allowed"
    WRONG_REGION = "wrong_region"
    OWN_KEY_REFUSED = "own_key_refused"
    NO_CREDENTIALS = "no_credentials"
    NO_WEIGHT = "no_weight"
    NOT_NEEDED = "not_needed"


class Skip(NamedTuple):
    """A candidate that was not asked in one request, with the reason; `message` says it to people.

    For a cooldown: `for_s` are the seconds left when it was skipped, `since` is Unix seconds, `cause` the failures
    (`2×503`, `1×timeout`), and `cause_call_id` the request of the last one. `fallback_depth` counts as in an attempt.
    """

    deployment_id: str
    deployment_name: str
    provider: str
    model_group: str
    tier: int
    reason: SkipReason
    message: str
    fallback_depth: int = 0
    for_s: float | None = None
    since: float | None = None
    cause: str | None = None
    cause_call_id: str | None = None

    @property
    def is_skip(self) -> bool:
        """False for a standby, which is listed but does not count."""
        return self.reason is not SkipReason.NOT_NEEDED

    @property
    def moved_on_because(self) -> str:
        """The ledger's word for going on to another tier or group because of it: `fallback_rate_limit`."""
        return f"fallback_{_cause_of_skip(self)}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without unknown values; `since` stays in Unix seconds."""
        values = {name: value for name, value in zip(self._fields, self, strict=True) if value is not None}
        values["reason"] = self.reason.value
        return values


@dataclass(slots=True)
class Trace:
    """All attempts of one request in order, its skips, and its result.

    `skipped` is complete once the request is answered or given up, or its stream has begun; it has no standbys. In a
    rehearsal `repeat_of` is the number of the request that its caller asks again.
    """

    call_id: str
    model_group: str
    attempts: list[Attempt] = field(default_factory=list)
    skipped: Sequence[Skip] = ()
    repeat_of: int | None = None

    def begin(self, attempt: Attempt) -> Attempt:
        """Adds an attempt, and notes on the one before why the router moved on."""
        if self.attempts:
            before, is_beside = self._before(attempt)
            if before.moved_on_because is None:
                why = Hedge.HEDGED.value if is_beside else f"{self._verb(before, attempt)}_{_cause(before)}"
                before.moved_on_because = why
        self.attempts.append(attempt)
        return attempt

    def _before(self, attempt: Attempt) -> tuple[Attempt, bool]:
        """The attempt that this one follows, and whether it runs beside that one."""
        before = self.attempts[-1]
        if before.status == "pending" and attempt.hedge:
            return before, True
        if before.status == "pending" or before.hedge == Hedge.LOST:  # it runs, or ran, beside the one that is meant
            ended = (one for one in reversed(self.attempts) if one.status != "pending" and one.hedge != Hedge.LOST)
            before = next(ended, before)
        return before, False

    def _verb(self, before: Attempt, attempt: Attempt) -> str:
        if attempt.rescue:
            return "rescue"
        if before.place != attempt.place:
            return "fallback"
        was_asked = any(one.deployment_id == attempt.deployment_id for one in self.attempts)
        return "retry" if was_asked else "other"

    @property
    def is_hedged(self) -> bool:
        """Whether two attempts ran at once."""
        return len(self.attempts) > 1 and any(attempt.hedge for attempt in self.attempts)

    @property
    def last(self) -> Attempt | None:
        """The attempt that answered, or the last one that failed; None without attempts."""
        if self.is_hedged:
            return max((one for one in self.attempts if one.hedge != Hedge.LOST), key=_end_of, default=None)
        return self.attempts[-1] if self.attempts else None

    @property
    def lost(self) -> list[Attempt]:
        """Attempts that were closed because the one beside them was faster."""
        return [one for one in self.attempts if one.hedge == Hedge.LOST] if self.is_hedged else []

    @property
    def lost_tokens(self) -> tuple[int, int]:
        """The tokens that those have read and written."""
        parts = [one.part for one in self.lost if one.part is not None]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    @property
    def course(self) -> list[Attempt]:
        """The attempts one after another, without those that ran beside a slow one."""
        if not self.is_hedged:
            return self.attempts
        return [one for one in self.attempts if not one.hedge or one.moved_on_because == Hedge.HEDGED]

    @property
    def upstream_ms(self) -> float:
        """The time that upstreams took; that of two at once is that of the longer one."""
        if not self.is_hedged:
            return sum(a.duration_ms or a.first_token_ms or 0.0 for a in self.attempts)
        ends_s = [a.started_at + (a.duration_ms or a.first_token_ms or 0.0) / 1000 for a in self.attempts]
        return 1000 * (max(ends_s) - self.attempts[0].started_at)

    @property
    def has_fallen_back(self) -> bool:
        """Whether a deployment was asked after a better tier or group had failed or was skipped."""
        return any(attempt.fallback_depth and not attempt.sticky for attempt in self.course)

    @property
    def is_rescued(self) -> bool:
        """Whether an attempt that went on with a broken stream brought it to its end."""
        return len(self.attempts) > 1 and any(one.rescue and one.status == "success" for one in self.attempts)

    @property
    def retries(self) -> int:
        """Attempts at a deployment that this request had asked before."""
        if len(self.attempts) < 2:
            return 0
        asked = [attempt.deployment_id for attempt in self.attempts if not attempt.rescue]
        return len(asked) - len(set(asked))

    @property
    def fallbacks(self) -> int:
        """Moves to another tier or group: hops, not requests."""
        if len(self.attempts) < 2:
            return 0
        return sum(a.place != b.place and not b.rescue for a, b in pairwise(self.course))


def _end_of(attempt: Attempt) -> float:
    """When it ended; one that goes on, or has answered, is later than any that failed."""
    if attempt.status in ("pending", "success"):
        return float("inf")
    return attempt.started_at + (attempt.duration_ms or 0.0) / 1000


def _cause(attempt: Attempt) -> str:
    if attempt.is_key_refused:
        return "own_key_refused"
    if attempt.error_class in RATE_LIMITS:
        return "rate_limit"
    return "timeout" if attempt.error_class in TIMEOUTS else "error"


def _cause_of_skip(skip: Skip) -> str:
    if skip.reason is SkipReason.OWN_KEY_REFUSED:
        return "own_key_refused"
    cause = skip.cause or ""
    if skip.reason is SkipReason.RATE_LIMITED or cause.endswith("429"):
        return "rate_limit"
    return "timeout" if cause.endswith(("timeout", "408", "504")) else "error"
