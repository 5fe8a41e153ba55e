"""Which candidates one request may ask, and what stands in the way of the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from engine.core.actions import Ask, Asked, Exclusion, Obstacle, Visit
from engine.core.breaker import Breaker, State
from engine.core.failures import RULES, Kind
from engine.core.state import Group, Target
from engine.ledger import SkipReason

# When everything waits for somebody's probe: about so long until its end.
PROBE_TAKES_S = 1.0
# When every place is taken: about so long until one is free.
PLACE_TAKES_S = 1.0
# Timers may fire a little early.
TIMER_SLACK_S = 0.001
# Asked again, a deployment would say the same to this request.
SAYS_THE_SAME = frozenset(kind for kind, rule in RULES.items() if not rule.again) - {Kind.TIMEOUT}


class Candidates:
    """Those of one request, which has at least so many `tokens`; `bar` says what it must not ask, and why.

    The size of its prompt, `prompt_tokens`, may be an estimate. `asked` are those that failed, by their keys; `noted`
    says why others were passed over, by group and key. A context of `too_small` tokens has proved to be that.
    """

    __slots__ = ("_bar", "_prompt", "_tokens", "asked", "noted", "too_small")

    def __init__(self, tokens: int, bar: Callable[[Target], Exclusion | None] | None, prompt_tokens: int = 0) -> None:
        self._tokens, self._bar, self.too_small = tokens, bar, 0
        self._prompt = max(tokens, prompt_tokens)
        self.asked: dict[str, Asked] = {}
        self.noted: dict[tuple[str, str], Obstacle] | None = None

    def free(self, group: Group, targets: Sequence[Target], now: float) -> list[Target]:
        """Those that were not asked and can be; notes why the others can't."""
        free, asked = [], self.asked
        has_bounds = self._bar is not None or group.has_limits or group.has_places
        has_bounds = has_bounds or self._prompt > group.least_context or self.too_small > 0
        for target in targets:
            if target.key in asked:
                continue
            health = target.health
            is_plain = not has_bounds and health.breaker.is_quiet and health.provider.breaker.is_quiet
            if is_plain or (obstacle := self._obstacle(group, target, now)) is None:
                free.append(target)
            else:
                self._note(group, target, obstacle, now)
        return free

    def bound(self, group: Group, key: str, now: float) -> tuple[int, Target] | None:
        """The target of this key with the number of its tier, if it can be asked."""
        for tier, targets in enumerate(group.tiers):
            if free := self.free(group, [target for target in targets if target.key == key], now):
                return tier, free[0]
        return None

    def beside(self, slow: Ask, tiers: Sequence[Sequence[Target]], now: float) -> tuple[int, list[Target]] | None:
        """The first of these tiers, by its number, with some that can be asked beside a slow one.

        Nobody who is on probation; and those who can't be asked are not noted: nothing stands in the request's way.
        """
        for tier, targets in enumerate(tiers):
            free = [target for target in targets if target is not slow.target and self._is_free(slow, target, now)]
            if free:
                return tier, free
        return None

    def _is_free(self, slow: Ask, target: Target, now: float) -> bool:
        health = target.health
        if target.key in self.asked or not (health.breaker.is_quiet and health.provider.breaker.is_quiet):
            return False
        return self._obstacle(slow.visit.group, target, now) is None

    def lacks_only_a_place(self, group: Group, targets: Sequence[Target], now: float) -> list[Target]:
        """Those that were not asked, can be, and have no place."""
        untried = (target for target in targets if target.max_wait_s and target.key not in self.asked)
        return [target for target in untried if self._lacks_a_place(group, target, now)]

    def may_take_a_place(self, group: Group, target: Target, now: float) -> bool:
        """Whether nothing but a place has stood in its way."""
        return self._obstacle(group, target, now) is None or self._lacks_a_place(group, target, now)

    def _lacks_a_place(self, group: Group, target: Target, now: float) -> bool:
        obstacle = self._obstacle(group, target, now)
        return obstacle is not None and obstacle.reason is SkipReason.AT_CAPACITY

    def can_serve(self, group: Group, target: Target, now: float) -> bool:
        """Whether it may be asked because nobody else could serve. Timers may fire a little early."""
        return self._limit(group, target, now) is None and _open_until(group, target, now) <= now + TIMER_SLACK_S

    def free_at(self, group: Group, target: Target, now: float) -> float:
        """When it may be asked if nobody else can serve."""
        limit = self._limit(group, target, now)
        return max(now if limit is None else limit.until_s, _open_until(group, target, now))

    def is_shut(self, group: Group, target: Target, now: float) -> bool:
        """Whether its breakers shut out even a request that nobody else could serve."""
        return _open_until(group, target, now) > now + TIMER_SLACK_S

    def helps_at(self, group: Group, target: Target, now: float) -> float:
        """When asking it may help the next request of this kind; infinity when it would say the same."""
        if (asked := self.asked.get(target.key)) is None:
            return self.free_at(group, target, now)
        if asked.failure.kind in SAYS_THE_SAME:
            return math.inf
        free_s = self.free_at(group, target, now)
        # Where its breaker is open, that says when: a group's last deployment is asked sooner than it wants to be.
        return free_s if free_s > now else max(asked.told_s, now)

    def largest(
        self, places: Iterable[tuple[Visit, int, Sequence[Target]]], now: float
    ) -> tuple[Visit, int, Target] | None:
        """The one with the largest context of those that seemed too small: the size of a request is an estimate."""
        found = [
            (visit, tier, target)
            for visit, tier, targets in places
            for target in targets
            if self._seems_too_small(visit.group, target, now)
        ]
        return max(found, key=lambda place: place[2].context_tokens or 0, default=None)

    def _seems_too_small(self, group: Group, target: Target, now: float) -> bool:
        obstacle = self._obstacle(group, target, now)
        if obstacle is None or obstacle.reason is not SkipReason.CONTEXT_TOO_SMALL or target.is_full():
            return False
        return (target.context_tokens or 0) > self.too_small and target.has_room(now, self._tokens)

    def free_in_s(self, visits: Sequence[Visit], now: float) -> float:
        """Seconds until asking the first of all again may help the next request; infinity when it never may."""
        groups = [visit.group for visit in visits if not visit.is_barred]
        moments = [self.helps_at(group, target, now) for group in groups for target in group.targets()]
        return max(0.0, min(moments, default=math.inf) - now)

    def are_too_small(self, group: Group) -> bool:
        """Whether nobody of it was asked because of the size of the request."""
        if self.noted is None or any(target.key in self.asked for target in group.targets()):
            return False
        seen = [self.noted.get((group.name, target.key)) for target in group.targets()]
        return any(obstacle is not None and obstacle.reason is SkipReason.CONTEXT_TOO_SMALL for obstacle in seen)

    def _obstacle(self, group: Group, target: Target, now: float) -> Obstacle | None:
        health = target.health
        for breaker in (health.breaker, health.provider.breaker):
            if not breaker.is_quiet and (obstacle := _shut(group, breaker, now)) is not None:
                return obstacle
        return self._limit(group, target, now)

    def _limit(self, group: Group, target: Target, now: float) -> Obstacle | None:
        """What stands in its way beside the breakers, which give way to a request that nobody else could serve."""
        if self._bar is not None and (bar := self._bar(target)) is not None:
            return Obstacle(bar.reason, now, cause=bar.message)
        size = target.context_tokens
        if size is not None and (size <= self.too_small or size < self._prompt):
            return Obstacle(SkipReason.CONTEXT_TOO_SMALL, now)
        if group.has_limits and not target.has_room(now, self._tokens):
            return Obstacle(SkipReason.RATE_LIMITED, now, target.health.ends_s)
        if group.has_places and target.is_full():  # the last obstacle, so that a place is all that it lacks
            return Obstacle(SkipReason.AT_CAPACITY, now, now + PLACE_TAKES_S)
        return None

    def _note(self, group: Group, target: Target, obstacle: Obstacle, now: float) -> None:
        """Remembers why a candidate is not asked; the first look counts."""
        if self.noted is None:
            self.noted = {}
        if (place := (group.name, target.key)) not in self.noted:
            self.noted[place] = obstacle
            if obstacle.breaker is not None:
                obstacle.breaker.passed_over(now)


def _shut(group: Group, breaker: Breaker, now: float) -> Obstacle | None:
    """What a breaker that is not quiet says to one more request. All groups heed one that is tripped by hand."""
    is_tripped = breaker.is_tripped(now)
    if not group.has_breakers and not is_tripped:
        return None
    state = breaker.state(now)
    if state in (State.CLOSED, State.HALF_OPEN):
        return None
    # One that is passed over although its pause is over is as good as back.
    reason = SkipReason.COOLING if state is State.OPEN and now < breaker.until_s else SkipReason.PROBE_RUNNING
    return Obstacle(
        reason, now, breaker.until_s, breaker, breaker.since_s, breaker.cause, breaker.request_id, is_tripped
    )


def _open_until(group: Group, target: Target, now: float) -> float:
    """Until when the breakers shut out a request that nobody else can serve; a guess while another one probes."""
    until_s = now
    for breaker in (target.health.breaker, target.health.provider.breaker):
        if breaker.is_quiet:
            continue
        if not group.has_breakers:
            until_s = max(until_s, breaker.until_s if breaker.is_tripped(now) else now)
        else:
            until_s = max(until_s, breaker.free_s(now, group.last_s))
            if breaker.state(now) is State.PROBING:
                until_s = max(until_s, min(now + PROBE_TAKES_S, breaker.probes.bar_until_s(group.last_s)))
    return until_s
