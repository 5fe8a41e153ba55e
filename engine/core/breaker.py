"""When a deployment, or a provider's key, is left alone and how it comes back. Pure; times are the driver's seconds.

    closed -> open (nobody asks) -> half-open (one request asks) -> recovering (few at a time) -> closed

It opens on failures in a row, on a rate of failures, or on one that says enough (a 429). Each probe that fails
opens it again for twice as long; but a pause is never much longer than a quarter of what the outage has lasted, so
that the end of a short outage is seen soon.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeVar

from engine.core.failures import Failure, Kind

# A quarter of the outage so far; and never less than the first three doublings give.
PAUSE_SHARE, FREE_DOUBLINGS = 0.25, 4
# So many answers in a row end a recovery.
RECOVERED_AFTER = 16
# A probe of an upstream that fell silent costs its request the whole time limit: after each one that
# fails, twice as many requests pass it over before the next, up to so many.
MOST_PASSED_OVER = 16
MOST_FAILURES = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to open, and for how long. Seconds, but for the counts.

    `fixed_s` is a pause of always the same length (None: `first_s`, doubled up to `longest_s`, or what the upstream's
    Retry-After asks for, up to `retry_after_cap_s`). `allowed_fails` failures within `window_s` are borne, the next one
    opens; None is the rule of `consecutive` failures in a row, or of more than `failure_rate` of at least `fewest`
    results.
    """

    fixed_s: float | None = None
    allowed_fails: int | None = None
    first_s: float = 2.0
    longest_s: float = 60.0
    consecutive: int = 3
    failure_rate: float = 0.5
    fewest: int = 5
    window_s: float = 60.0
    retry_after_cap_s: float = 300.0

    def strictest(self, other: BreakerPolicy) -> BreakerPolicy:
        """Of two groups that share a deployment: the fewest failures borne and the longest pause."""
        return replace(
            self,
            fixed_s=max(_given(self.fixed_s, other.fixed_s), default=None),
            allowed_fails=min(_given(self.allowed_fails, other.allowed_fails), default=None),
            first_s=max(self.first_s, other.first_s),
            longest_s=max(self.longest_s, other.longest_s),
            consecutive=min(self.consecutive, other.consecutive),
            failure_rate=min(self.failure_rate, other.failure_rate),
            retry_after_cap_s=max(self.retry_after_cap_s, other.retry_after_cap_s),
        )


class State(Enum):
    """What a breaker says to one more request."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()
    PROBING = auto()
    RECOVERING = auto()


@dataclass(frozen=True, slots=True)
class Mark:
    """A failure that a breaker remembers: when, how in a word, and in which request."""

    at_s: float
    word: str
    request_id: str


class Breaker:
    """Of one deployment, for all groups that have it, or of one provider's key."""

    __slots__ = (
        "_allowed", "_bad", "_good", "_marks", "_openings", "_outage_s", "_passed_over", "_probe", "_probes", "_row",
        "_silent", "_window_s", "begun", "cause", "last", "policy", "request_id", "since_s", "until_s",
    )  # fmt: skip

    def __init__(self, policy: BreakerPolicy = BreakerPolicy()) -> None:
        self.policy = policy
        self.begun = 0  # how often it opened: who has seen this number knows of all
        self._probes = 0  # the number of the last probe
        self._marks: deque[Mark] | None = None
        self.last: Failure | None = None
        self.close()

    def close(self) -> None:
        """Back into service, as if nothing had happened."""
        self.since_s = self.until_s = 0.0  # of the pause; 0 is none
        self.cause = self.request_id = ""
        self._allowed = 0  # requests in flight while it recovers; 0 is all
        self._probe = 0  # the number of the probe that runs; 0 is none
        self._openings = self._row = self._good = self._bad = self._passed_over = 0
        self._outage_s = self._window_s = 0.0
        self._silent = False
        self._marks = None

    @property
    def is_quiet(self) -> bool:
        """Whether it has nothing to say: closed, and not recovering."""
        return not self.until_s and not self._allowed

    def state(self, now: float, in_flight: int = 0) -> State:
        """What one more request would meet. RECOVERING: as many as may be are in flight (`in_flight` of them)."""
        if not self.until_s:
            return State.RECOVERING if self._allowed and in_flight >= self._allowed else State.CLOSED
        if self._probe:
            return State.PROBING
        return State.OPEN if now < self.until_s or self._passed_over > 0 else State.HALF_OPEN

    def passed_over(self, now: float) -> None:
        """A request went elsewhere because of it."""
        if self._passed_over and now >= self.until_s:
            self._passed_over -= 1

    def entered(self) -> int:
        """A request is sent: the number of its probe, 0 when it is none."""
        if not self.until_s:
            return 0
        self._probes += 1
        self._probe = self._probes
        return self._probe

    def left(self, probe: int) -> None:
        """It ended without a verdict: its caller left, or the request itself was wrong."""
        if probe and probe == self._probe:
            self._probe = 0

    def succeeded(self, now: float, probe: int) -> None:
        """An answer. While open only the probe's counts: a late one of an older request says nothing about now."""
        if self.until_s:
            if probe and probe == self._probe:
                self._recover()
            return
        self._row = 0
        if self._allowed:
            self._allowed += 1
            if self._allowed > RECOVERED_AFTER:
                self.close()
        if self._window_s:
            self._roll(now)
            self._good += 1

    def failed(self, now: float, failure: Failure, probe: int, request_id: str = "") -> bool:
        """Counts a failure; whether it opened the breaker, or keeps it open for longer."""
        is_probe = bool(probe) and probe == self._probe
        self._remember(Mark(now, failure.word, request_id))
        self._roll(now)
        self._row += 1
        self._bad += 1
        self.last = failure
        if self.until_s and not is_probe and not failure.rule.opens:
            return False  # a late one of an older request
        if not (failure.rule.opens or is_probe or self._allowed or self._is_enough()):
            return False
        self.left(probe)
        if is_probe or not self.until_s:
            self._openings += 1
            self._silent = failure.kind is Kind.TIMEOUT
            self._passed_over = min(2 ** (self._openings - 1), MOST_PASSED_OVER) if self._silent else 0
        self._open(now, self._pause_s(now, failure))
        return True

    def trip(self, now: float, for_s: float, why: str) -> None:
        """Opened by hand, or by another process."""
        self.last = None
        self._open(now, for_s)
        self.cause = why

    def free_s(self, now: float, last_s: float = math.inf) -> float:
        """When it lets a probe through. `last_s` bounds the pause of a group's last deployment."""
        return max(now, min(self.until_s, self.since_s + last_s))

    def _recover(self) -> None:
        """Few at a time; how often it opened is not forgotten before it has recovered, or one that flaps seems new."""
        self.since_s = self.until_s = 0.0
        self._probe = self._passed_over = self._row = 0
        self._allowed = 1

    def _open(self, now: float, pause_s: float) -> None:
        self._outage_s = self._outage_s or now
        self._allowed = 0
        # Never shorter than what was said before: a late failure of an old request must not end a pause early.
        if now + pause_s > self.until_s:
            self.since_s, self.until_s = now, now + pause_s
        self.cause, self.request_id = self._said(now)
        self.begun += 1

    def _pause_s(self, now: float, failure: Failure) -> float:
        policy = self.policy
        if policy.fixed_s is not None:
            return policy.fixed_s
        if failure.retry_after_s is not None:
            return min(failure.retry_after_s, policy.retry_after_cap_s)
        lasted_s = now - (self._outage_s or now)
        doubled: float = policy.first_s * 2.0 ** min(self._openings - 1, 32)
        return min(doubled, policy.longest_s, max(FREE_DOUBLINGS * policy.first_s, PAUSE_SHARE * lasted_s))

    def _is_enough(self) -> bool:
        policy = self.policy
        if policy.allowed_fails is not None:
            return self._bad > policy.allowed_fails
        known = self._good + self._bad
        return self._row >= policy.consecutive or (known >= policy.fewest and self._bad > policy.failure_rate * known)

    def _roll(self, now: float) -> None:
        if not self._window_s or now - self._window_s >= self.policy.window_s:
            self._window_s, self._good, self._bad = now, 0, 0

    def _remember(self, mark: Mark) -> None:
        if self._marks is None:
            self._marks = deque(maxlen=MOST_FAILURES)
        self._marks.append(mark)

    def _said(self, now: float) -> tuple[str, str]:
        """The most frequent failure of the last window, as `2×503`, and the request of the last one."""
        marks = [mark for mark in self._marks or () if now - mark.at_s <= self.policy.window_s]
        if not marks:
            return "", ""
        ((word, count),) = Counter(mark.word for mark in reversed(marks)).most_common(1)
        return f"{count}×{word}", marks[-1].request_id


def _given(*values: T | None) -> list[T]:
    return [value for value in values if value is not None]
