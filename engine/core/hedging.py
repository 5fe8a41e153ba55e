"""When a second candidate is asked beside one that is slow to begin, and how often. No I/O; times are seconds."""

from __future__ import annotations

import math
from collections import deque
from random import Random

from engine.core.actions import Ask, Step
from engine.core.attempt_course import lost, sent
from engine.core.candidates import Candidates
from engine.core.state import Group, Target

# A quantile of fewer measurements says little: then nobody else is asked.
FEWEST = 20
# Of these, the share that begins in time.
IN_TIME = 0.95
KEPT = 200
# Nobody is asked sooner because of what was measured: the second one would hardly be faster.
SOONEST_S = 0.05
# What a group may have saved up: one hedge from the start, and no more than these in a row after a quiet time.
AT_START, AT_ONCE = 1.0, 10.0


class Beginnings:
    """How long the newest answers of a deployment took to begin: streams to their first content, others to their end.

    One that was given up because another candidate was faster counts with the time that it had.
    """

    __slots__ = ("_streams", "_wholes")

    def __init__(self) -> None:
        self._streams: deque[float] = deque(maxlen=KEPT)
        self._wholes: deque[float] = deque(maxlen=KEPT)

    def add(self, seconds: float, *, is_stream: bool) -> None:
        """One more."""
        (self._streams if is_stream else self._wholes).append(seconds)

    def slow_s(self, *, is_stream: bool) -> float | None:
        """What IN_TIME of them took at most (nearest rank); None with fewer than FEWEST."""
        known = sorted(self._streams if is_stream else self._wholes)
        return None if len(known) < FEWEST else known[math.ceil(len(known) * IN_TIME) - 1]


class Hedging:
    """The hedges of one group in one process: after `after_s`, or as measured; for at most a `share` of its requests.

    As each process counts its own requests, the share holds for all of them together.
    """

    __slots__ = ("_left", "after_s", "share")

    def __init__(self, after_s: float | None, share: float) -> None:
        self.after_s, self.share = after_s, share
        self._left = AT_START if share > 0 else 0.0

    def earned(self) -> None:
        """A request came to the group."""
        self._left = min(AT_ONCE, self._left + self.share)

    def has_any(self) -> bool:
        """Whether one more is within the budget. Sums of shares are a little off."""
        return self._left > 1 - 1e-9

    def spend(self) -> None:
        """A second candidate is asked."""
        self._left -= 1

    def give_back(self) -> None:
        """It was not, after all."""
        self._left += 1

    def delay_s(self, target: Target, *, is_stream: bool) -> float | None:
        """How long an attempt at this target may take to begin; None where nobody knows."""
        if self.after_s is not None:
            return self.after_s
        known = target.health.beginnings
        slow_s = None if known is None else known.slow_s(is_stream=is_stream)
        return None if slow_s is None else max(SOONEST_S, slow_s)


class Race:
    """The attempts of one request in one group that hedges: two at once, and that once only.

    `running` are the two, or the one of them that has not ended; empty before and after.
    """

    __slots__ = ("_candidates", "_has_hedged", "_is_stream", "_rng", "_tokens", "group", "hedging", "running")

    def __init__(
        self, group: Group, candidates: Candidates, rng: Random, tokens: int = 0, *, is_stream: bool = False
    ) -> None:
        """The request has at least so many `tokens`, as in its `Journey`."""
        self.group, self._candidates, self._rng = group, candidates, rng
        self._tokens, self._is_stream = tokens, is_stream
        self.hedging: Hedging = group.hedging or Hedging(None, 0.0)
        self.hedging.earned()
        self.running: tuple[Ask, ...] = ()
        self._has_hedged = False

    def delay_s(self, ask: Ask) -> float | None:
        """In how many seconds another candidate may be asked, if this one has not begun by then; None: not at all."""
        return None if self._has_hedged else self.hedging.delay_s(ask.target, is_stream=self._is_stream)

    def second(self, slow: Ask, now: float, *, may_move: bool) -> Ask | None:
        """The attempt beside this one; None where nobody can be asked, or not within the budget.

        It is chosen as the next one would be: in the tier, or a later one where the request may move. It is neither a
        repeat nor a move.
        """
        if self._has_hedged or not self.hedging.has_any():
            return None
        first = slow.visit.tier
        tiers = self.group.tiers[first:] if may_move else self.group.tiers[first : first + 1]
        if (found := self._candidates.beside(slow, tiers, now)) is None:
            return None
        tier, free = found
        target = free[0] if len(free) == 1 else self.group.pick(free, self._rng, self._is_stream, now)
        ask = sent(slow.visit, first + tier, target, Step.HEDGE, self._tokens, now)
        self.hedging.spend()
        self._has_hedged, self.running = True, (slow, ask)
        return ask

    def not_sent(self, ask: Ask, now: float) -> None:
        """The count that all processes share has no room for the second one: it costs nothing."""
        lost(ask, now, 0)
        self.hedging.give_back()
        self.running = ()

    def other(self, ask: Ask) -> Ask | None:
        """The attempt that runs beside this one."""
        return next((one for one in self.running if one is not ask), None)

    def ended(self, ask: Ask) -> None:
        """This one runs no more."""
        self.running = tuple(one for one in self.running if one is not ask)

    def won(self, ask: Ask, now: float) -> Ask | None:
        """This one has begun. The one beside it, if any, is to be closed: then tell `lost`."""
        other, self.running = self.other(ask), ()
        if other is not None and (known := other.target.health.beginnings) is not None:
            known.add(now - other.began_s, is_stream=self._is_stream)
        return other

    def lost(self, ask: Ask, now: float, tokens: int) -> None:
        """It is closed, and has read about so many tokens. No breaker hears of it."""
        lost(ask, now, max(0, tokens - self._tokens))
