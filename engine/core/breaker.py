"""When a deployment, or a provider's key, is left alone and how it comes back. Pure; times are the driver's seconds.

    closed -> open (nobody asks) -> half-open (one request at a time asks) -> recovering (few at a time) -> closed

It opens on failures in a row, on a rate of failures, or on one that says enough (a 429). Each probe that fails
opens it again for twice as long; but a pause is never much longer than a quarter of what the outage has lasted, so
that the end of a short outage is seen soon. While it recovers, each answer lets one more request in at a time, and each
failure half as many; what opens it then is what opens it at any time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeVar

from engine.core.failures import Failure, Kind
from engine.core.marks import Mark, Marks
from engine.core.probes import Probes
from engine.core.said import Said

# A quarter of the outage so far; and never less than the first three doublings give.
PAUSE_SHARE, FREE_DOUBLINGS = 0.25, 4
# So many answers in a row end a recovery.
RECOVERED_AFTER = 16
# A probe bars the next one for so long, or a quarter of the outage so far; that of a provider's key for less, because
# a refusal comes at once.
PROBE_BARS_S, KEY_PROBE_BARS_S = 5.0, 1.0
# A probe of an upstream that fell silent costs its request the whole time limit: after each one that
# fails, twice as many requests pass it over before the next, up to so many.
MOST_PASSED_OVER = 16
# From so many results on, the share of failures is known well enough to say what a row of them means.
WELL_KNOWN = 20
# No row is looked at beyond so many.
LONGEST_ROW = 100
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to open, and for how long. Seconds, but for the counts.

    `fixed_s` is a pause of always the same length (None: `first_s`, doubled up to `longest_s`, or what the upstream's
    Retry-After asks for, up to `retry_after_cap_s`). `allowed_fails` failures of any kind within `window_s` are borne,
    the next one opens. None is the adaptive rule: `consecutive` failures in a row, more than `failure_rate` of at least
    `fewest` results within `window_s`, or one that says enough. With `is_adaptive_too` both rules hold.
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
    is_adaptive_too: bool = False

    @property
    def is_adaptive(self) -> bool:
        """Whether the rule of rows, rates and failures that say enough trips."""
        return self.allowed_fails is None or self.is_adaptive_too

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
            fewest=min(self.fewest, other.fewest),
            window_s=max(self.window_s, other.window_s),
            retry_after_cap_s=max(self.retry_after_cap_s, other.retry_after_cap_s),
            is_adaptive_too=self.is_adaptive or other.is_adaptive,
        )


class State(Enum):
    """What a breaker says to one more request."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()
    PROBING = auto()
    RECOVERING = auto()


class Breaker:
    """Of one deployment, for all groups that have it, or of one provider's key.

    Requests are numbered as they are sent (`sent`), whichever group's: a row of failures is one of requests that were
    sent one after another. Failures come sooner than answers, so a row of results says little while many are in flight.
    A request that heeds the breaker gets a ticket (`entered`): the number of a probe, or below 0 for one of the few
    that a recovery lets in, or 0. Who sent it tells once how it ended: `succeeded`, `failed` or `left`.

    Processes that share state tell each other each `revision` (`say`, `hear`). `away` is how many of the few that a
    recovery lets in run in other processes. It `is_quiet`, which is
    nothing to say, when it is closed and does not recover.
    """

    __slots__ = (
        "_allowed", "_bad", "_before", "_down_s", "_failed", "_failing_since_s", "_first", "_is_by_hand", "_marks",
        "_news", "_openings", "_passed", "_passed_over", "_window_s", "away", "begun", "cause", "is_of_key", "is_quiet",
        "last", "policy", "probes", "request_id", "revision", "running", "sent", "since_s", "until_s",
    )  # fmt: skip

    def __init__(self, policy: BreakerPolicy = BreakerPolicy(), *, is_of_key: bool = False) -> None:
        self.policy, self.is_of_key, self.probes = policy, is_of_key, Probes()
        self.begun = 0  # how often it opened: who has seen this number knows of all
        self.revision = 0  # how often it has changed so that other processes want to know
        self.sent = 0  # the number of the last request
        self.away = 0
        self._news = 0  # a request before this number that failed says nothing about now
        self.last: Failure | None = None
        self.close()

    def close(self) -> None:
        """Back into service, as if nothing had happened."""
        self.is_quiet = True
        self.since_s = self.until_s = 0.0  # of the pause; 0 is none
        self.cause = self.request_id = ""
        self._allowed = self.running = 0  # while it recovers: requests that may be in flight (0 is all), and that are
        self.probes.forget()
        self._openings = self._passed_over = 0
        self._passed = 0  # how many requests have passed it over since it opened, or since its last probe began
        self._down_s: float | None = None
        self._failing_since_s = 0.0  # the first of the failures that opened it first
        self._is_by_hand = False
        self._marks: Marks | None = None
        self._forget()
        self.revision += 1

    def _forget(self) -> None:
        self._failed: set[int] = set()  # the numbers of requests that failed lately
        self._window_s, self._first, self._bad = -math.inf, 0, 0  # of the window: begin, first request, failures
        self._before = (0, 0)  # requests and failures of the window before

    def is_tripped(self, now: float) -> bool:
        """Whether a person shut it, and its time is not over: nothing that happens to requests changes it."""
        return self._is_by_hand and now < self.until_s

    def state(self, now: float) -> State:
        """What one more request would meet. RECOVERING: as many as may be are in flight."""
        if not self.until_s:
            is_full = self._allowed and self.running + self.away >= self._allowed
            return State.RECOVERING if is_full else State.CLOSED
        if now < self.probes.bar_until_s():
            return State.PROBING
        return State.OPEN if now < self.until_s or self._passed < self._passed_over else State.HALF_OPEN

    def passed_over(self, now: float) -> None:
        """A request went elsewhere because of it."""
        self._passed += 1

    def entered(self, now: float = 0.0) -> int:
        """A request is sent: its ticket."""
        if self.until_s:
            self._news, self._passed = self.sent, 0
            return self.probes.begin(now, self._openings, self._bars_s(now))
        if self._allowed:
            self.running += 1
            return -self.begun
        return 0

    def left(self, ticket: int) -> None:
        """It ended without a verdict: its caller left, or the request itself was wrong."""
        if ticket > 0:
            self.probes.end(ticket)
        elif ticket < 0 and self._allowed and ticket == -self.begun:
            self.running -= 1

    def succeeded(self, now: float, ticket: int) -> None:
        """An answer. While open only a probe's counts: a late one of an older request says nothing about now."""
        if self.until_s:
            if self.probes.has(ticket):
                self._recover()
        elif self._allowed:
            self.left(ticket)
            self._allowed += 1
            self.revision += 1
            if self._allowed > RECOVERED_AFTER:
                self.close()

    def failed(self, now: float, failure: Failure, ticket: int, request_id: str = "", number: int = 0) -> bool:
        """Counts the failure of the request of this number (0: the last one); whether it opened, or for longer."""
        number = number or self.sent
        is_probe = self.probes.may_open(ticket, self._openings)
        opens = failure.rule.opens and self.policy.is_adaptive
        self.left(ticket)
        if self.is_tripped(now):
            return False
        marks = self._remember(Mark(now, failure.word, request_id))
        if not is_probe and not opens and (self.until_s or number < self._news):
            return False
        self.last = failure
        self._count(now, number)
        if self._allowed:
            self._allowed = max(1, self._allowed // 2)
            self.revision += 1
        if not (opens or is_probe or self._is_enough(number)):
            return False
        if is_probe or not self.until_s:
            if not is_probe:
                self._passed = 0
            self._openings += 1
            is_silent = failure.kind is Kind.TIMEOUT
            self._passed_over = min(2 ** (self._openings - 1), MOST_PASSED_OVER) if is_silent else 0
        if self._down_s is None:
            self._failing_since_s = marks.first_s(now, self._row(number), self.policy.window_s)
        self._open(now, *self._pause(now, failure, is_probe))
        return True

    def trip(self, now: float, until_s: float, why: str) -> None:
        """Shut by hand until then, even for a last deployment; then a probe comes. Not told to other processes."""
        revision = self.revision
        self.close()
        self.since_s, self.until_s, self.cause, self.last = now, until_s, why, None
        self._is_by_hand, self.is_quiet = True, False
        self.begun += 1
        self.revision = revision

    def forgive(self, now: float) -> None:
        """Closes it, unless it is tripped by hand."""
        if not self.is_tripped(now):
            self.close()

    def free_s(self, now: float, last_s: float = math.inf) -> float:
        """When it lets a probe through. `last_s` bounds the pause of a group's last deployment."""
        return max(now, self.until_s if self._is_by_hand else min(self.until_s, self.since_s + last_s))

    def say(self, now: float) -> Said:
        """How it is, for other processes."""
        told = Said(openings=self._openings, allowed=self._allowed)
        if not self.until_s or self.is_tripped(now):
            return told
        return replace(
            told,
            left_s=self.until_s - now,
            paused_s=now - self.since_s,
            down_s=0.0 if self._down_s is None else now - self._down_s,
            passed_over=max(0, self._passed_over - self._passed),
            cause=self.cause,
            request_id=self.request_id,
            last=self.last,
        )

    def hear(self, now: float, said: Said) -> None:
        """What happened in another process has happened to the same upstream: it counts here too."""
        if self.is_tripped(now):
            return
        if said.left_s is not None:
            self._hear_of_a_pause(now, now + said.left_s, said)
        elif said.allowed:
            if self.until_s:
                self._recover()
                self._news = self.sent
            self._allowed, self._openings = said.allowed, max(self._openings, said.openings)
            self.is_quiet = False
            self.revision += 1
        elif not self.is_quiet:
            self.close()

    def _hear_of_a_pause(self, now: float, until_s: float, said: Said) -> None:
        down_s = now - said.down_s
        if self._down_s is None:
            self._failing_since_s = down_s
        self._down_s = down_s if self._down_s is None else min(self._down_s, down_s)
        self._openings, self._passed_over = max(self._openings, said.openings), said.passed_over
        self._passed = 0
        self._allowed = self.running = 0
        self.probes.elsewhere_s = 0.0
        # As with our own: a pause is never shorter than what was said before.
        if until_s > self.until_s:
            self.since_s, self.until_s, self._is_by_hand = now - said.paused_s, until_s, False
            self.cause, self.request_id, self.last = said.cause, said.request_id, said.last
        self.is_quiet = not self.until_s
        self.begun += 1
        self.revision += 1

    def _recover(self) -> None:
        """Few at a time; how often it opened is not forgotten before it has recovered, or one that flaps seems new."""
        self.since_s = self.until_s = 0.0
        self._passed_over = self.running = 0
        self.probes.forget()
        self._is_by_hand = self.is_quiet = False
        self._allowed = 1
        self._forget()
        self.revision += 1

    def _open(self, now: float, from_s: float, pause_s: float) -> None:
        if self._down_s is None:
            self._down_s = now
        self._allowed = self.running = 0
        self.probes.elsewhere_s = 0.0
        self._is_by_hand = False
        # Never shorter than what was said before: a late failure of an old request must not end a pause early.
        self.since_s, self.until_s = from_s, max(self.until_s, from_s + pause_s, now)
        self.cause, self.request_id = self._marks.said(self._failing_since_s) if self._marks else ("", "")
        self.is_quiet = False
        self.begun += 1
        self.revision += 1

    def _pause(self, now: float, failure: Failure, is_probe: bool) -> tuple[float, float]:
        """From when, and for how long. A doubled one counts from the last probe's start: silence has taken its time."""
        policy = self.policy
        if policy.fixed_s is not None:
            return now, policy.fixed_s
        if failure.retry_after_s is not None:
            return now, min(failure.retry_after_s, policy.retry_after_cap_s)
        doubled = policy.first_s * 2.0 ** min(self._openings - 1, 32)
        most_s = min(policy.longest_s, max(FREE_DOUBLINGS * policy.first_s, PAUSE_SHARE * self._lasted_s(now)))
        return self.probes.begun_s if is_probe else now, min(doubled, most_s)

    def _bars_s(self, now: float) -> float:
        """How long a probe bars others. A key whose probe was not refused within that time bars nobody any more."""
        if self.is_of_key:
            return 0.0 if self.probes.are_of(self._openings) else KEY_PROBE_BARS_S
        return max(PROBE_BARS_S, PAUSE_SHARE * self._lasted_s(now))

    def _lasted_s(self, now: float) -> float:
        """The outage so far."""
        return 0.0 if self._down_s is None else now - self._down_s

    def _count(self, now: float, number: int) -> None:
        if now - self._window_s >= self.policy.window_s:
            self._before = (max(0, number - self._first), self._bad)
            self._window_s, self._first, self._bad = now, number, 0
        self._bad += 1
        if len(self._failed) > LONGEST_ROW:
            self._failed = {known for known in self._failed if known > number - LONGEST_ROW // 2}
        self._failed.add(number)

    def _is_enough(self, number: int) -> bool:
        policy = self.policy
        if policy.allowed_fails is not None and self._bad > policy.allowed_fails:
            return True
        if not policy.is_adaptive:
            return False
        sent = self.sent - self._first + 1
        if sent >= policy.fewest and self._bad > policy.failure_rate * sent:
            return True
        row = self._row(number)
        return row >= policy.consecutive and row >= self._row_by_chance(sent - row, self._bad - row)

    def _row(self, number: int) -> int:
        """How many requests that were sent one after another have failed, with this one among them."""
        first = last = number
        while first - 1 in self._failed:
            first -= 1
        while last + 1 in self._failed:
            last += 1
        return last - first + 1

    def _row_by_chance(self, sent: int, bad: int) -> float:
        """How many in a row one that fails now and then has by chance among so many requests, and two more."""
        sent, bad = sent + self._before[0], bad + self._before[1]
        if sent < WELL_KNOWN or not 0 < bad < sent:
            return 0.0
        return 2 + math.log(sent - bad) / math.log(sent / bad)

    def _remember(self, mark: Mark) -> Marks:
        marks = self._marks = self._marks or Marks()
        marks.add(mark)
        return marks


def _given(*values: T | None) -> list[T]:
    return [value for value in values if value is not None]
