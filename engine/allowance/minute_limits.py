"""Limits of requests and tokens a minute: what is asked of their counters, in order, and what a caller is told.

    asking = admission(limits)   a generator: it is sent the answer to each question
    LimitQuestion("test" | "hit")     whether there is room; "hit" counts a request, too
    LimitQuestion("look")             what is left, as a `MinuteWindow`

It returns what is left of each limit, or raises LimitReached. Token limits come first: a request that they refuse is
counted by none. Tokens are counted when they are known, so requests in flight may go over, and the next is refused.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.exceptions import RequestFailed

REQUESTS, TOKENS = "requests", "tokens"
MINUTE_S = 60.0
CODE = "rate_limit_exceeded"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` of `what` (requests, tokens) a minute, counted in `window`; `who` is the holder of the limit."""

    what: str
    amount: int
    window: str
    who: str

    def to_json(self) -> list[Any]:
        """Plain JSON: its fields in order."""
        return [self.what, self.amount, self.window, self.who]


@dataclass(frozen=True, slots=True)
class MinuteWindow:
    """A counter: what is left of its limit, and the seconds until it begins again."""

    remaining: int
    resets_in_s: float


@dataclass(frozen=True, slots=True)
class LimitQuestion:
    """One question to the counter of a limit."""

    kind: Literal["test", "hit", "look"]
    limit: Limit


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of a limit after this request."""

    remaining: int
    limit: Limit


class LimitReached(RequestFailed):
    """A limit of the caller's key, person or team (429)."""

    def __init__(self, limit: Limit, resets_in_s: float) -> None:
        wait_s = max(1, math.ceil(resets_in_s))
        message = f"{limit.who} may use {limit.amount:,} {limit.what} a minute. Try again in {wait_s} s."
        super().__init__(message, status=429, error_class=CODE, code=CODE, retry_after_s=wait_s)
        self.limit = limit


def pair(rpm: int | None, tpm: int | None, window: str, who: str) -> list[Limit]:
    """The limits of one holder."""
    given = ((TOKENS, tpm), (REQUESTS, rpm))
    return [Limit(what, amount, window, who) for what, amount in given if amount is not None]


def in_order(limits: Iterable[Limit]) -> list[Limit]:
    """Token limits first."""
    return sorted(limits, key=lambda limit: limit.what == REQUESTS)


def admission(limits: Sequence[Limit]) -> Generator[LimitQuestion, Any, list[Remaining]]:
    """The questions for one request; raises LimitReached if any limit is reached, and then it counts for none."""
    if len(limits) > 1:
        for limit in limits:
            yield from _ask(LimitQuestion("test", limit))
    left = list[Remaining]()
    for limit in limits:
        yield from _ask(LimitQuestion("hit" if limit.what == REQUESTS else "test", limit))
        window: MinuteWindow = yield LimitQuestion("look", limit)
        left.append(Remaining(window.remaining, limit))
    return left


def _ask(question: LimitQuestion) -> Generator[LimitQuestion, Any]:
    has_room: bool = yield question
    if not has_room:
        window: MinuteWindow = yield LimitQuestion("look", question.limit)
        raise LimitReached(question.limit, window.resets_in_s)


class MinuteCounters:
    """Counters in memory on a clock that is passed in, in seconds. A minute begins with the first of its requests.

    They count as the gateway's fixed windows do; a test compares both.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], tuple[int, float]] = {}

    def admit(self, limits: Sequence[Limit], now: float) -> list[Remaining]:
        """Counts a request; raises LimitReached."""
        asking, answer = admission(limits), None
        try:
            while True:
                answer = self._answer(asking.send(answer), now)
        except StopIteration as end:
            left: list[Remaining] = end.value
            return left

    def count_tokens(self, limits: Iterable[Limit], tokens: int, now: float) -> None:
        """Counts the tokens of a request that has ended."""
        for limit in limits if tokens else ():
            if limit.what == TOKENS:
                self._add(limit, tokens, now)

    def _answer(self, question: LimitQuestion, now: float) -> bool | MinuteWindow:
        limit = question.limit
        if question.kind == "hit":
            return self._add(limit, 1, now) <= limit.amount
        count, ends_s = self._count(limit, now)
        if question.kind == "test":
            return count < limit.amount
        return MinuteWindow(max(0, limit.amount - count), ends_s - now)

    def _count(self, limit: Limit, now: float) -> tuple[int, float]:
        count, ends_s = self._counts.get((limit.window, limit.what), (0, now))
        return (count, ends_s) if now < ends_s else (0, now)

    def _add(self, limit: Limit, amount: int, now: float) -> int:
        count, ends_s = self._count(limit, now)
        self._counts[limit.window, limit.what] = count + amount, ends_s if count else now + MINUTE_S
        return count + amount
