"""One request's way through a group, its tiers and its fallback groups: a state machine without I/O.

    action = journey.begin(now)
    Ask(target)  -> send the request there; then tell `answered` (a stream: at its end), `failed`, `broke`, `left` or
                    `refused`
    Wait(s)      -> wait; then tell `woke`
    GiveUp(...)  -> the request has failed

`begin`, `failed`, `refused` and `woke` give the next action. Whoever drives it sends and waits; what is decided is the
same. The order of candidates: those of this tier that were not asked, later tiers, fallback groups; only when none of
them can be asked, repeats at those that were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from engine.core.breaker import Breaker, State
from engine.core.failures import Failure, FallbackList, Kind, Strikes
from engine.core.state import MINUTE_S, Group, Health, Target
from engine.ledger import SkipReason

# The pause before a repeat that nobody asked for: up to so much, doubled with each, drawn from zero.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 4.0
# Timers may fire a little early.
TIMER_SLACK_S = 0.001
# After these another try of whom was asked before is as hopeless.
NO_REPEAT = frozenset({Kind.BAD_REQUEST, Kind.CONTENT_POLICY})


class Step(StrEnum):
    """How a candidate follows the one before: as the first, by a repeat or in the same tier, or elsewhere."""

    FIRST = "first"
    RETRY = "retry"
    FALLBACK = "fallback"


@dataclass(slots=True, eq=False)
class Visit:
    """A group that the request came to. `depth` is the number of tiers in the groups before it; `is_barred` says that
    the caller may not use it. Tiers before the number `tier` are behind the request."""

    group: Group
    depth: int = 0
    is_barred: bool = False
    tier: int = 0


@dataclass(slots=True, eq=False)
class Ask:
    """One attempt: ask this target. `depth` is its distance from the first tier of all, in tiers.

    The rest is the core's: where the target stands, and what the attempt is to the breakers and to this minute's count.
    """

    target: Target
    visit: Visit
    tier: int
    depth: int
    step: Step
    began_s: float
    probe: int = 0
    key_probe: int = 0
    minute: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody answered. `failure` is the last one, None when nobody was asked; in `free_in_s` somebody can be."""

    failure: Failure | None
    free_in_s: float


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a target cannot be asked at the moment `seen_s`; from `until_s` on it may be (infinity: not in this request).

    For a breaker, as it was then: since when it is open, because of what (`2×503`), last in which request.
    """

    reason: SkipReason
    seen_s: float
    until_s: float = math.inf
    breaker: Breaker | None = None
    since_s: float = 0.0
    cause: str = ""
    request_id: str = ""


@dataclass(slots=True, eq=False)
class _Asked:
    """A target that has failed in this request.

    It may be asked again at `ready_s`; `told_s` is when its upstream wants to be, 0 when it did not say.
    """

    target: Target
    visit: Visit
    tier: int
    failure: Failure
    ready_s: float
    told_s: float = 0.0
    times: int = 1


Action = Ask | Wait | GiveUp


class Journey:
    """The state of one request. For one request only."""

    __slots__ = (
        "_asked",
        "_deadline_s",
        "_groups",
        "_is_barred",
        "_is_stream",
        "_last",
        "_may_use",
        "_moves",
        "_names",
        "_place",
        "_repeats",
        "_request_id",
        "_rng",
        "_tokens",
        "_too_small",
        "noted",
        "visits",
    )  # fmt: skip

    def __init__(
        self,
        groups: Mapping[str, Group],
        group: Group,
        rng: Random,
        *,
        deadline_s: float,
        tokens: int = 0,
        is_stream: bool = False,
        request_id: str = "",
        is_barred: Callable[[Target], bool] | None = None,
        may_use: Callable[[str], bool] | None = None,
    ) -> None:
        """No wait reaches over `deadline_s`. `tokens` is how many the request has at least.

        `is_barred` says of a target that this request must not ask it now, because it refused the caller's own key;
        `may_use` whether the caller may use a fallback group.
        """
        self._groups, self._rng, self._deadline_s = groups, rng, deadline_s
        self._tokens, self._is_stream, self._request_id = tokens, is_stream, request_id
        self._is_barred, self._may_use = is_barred, may_use
        self._repeats, self._moves = group.repeats, group.moves
        self.visits = [Visit(group)]
        self.noted: dict[tuple[str, str], Obstacle] | None = None
        self._place = (group.name, 0)
        self._names: list[str] = []
        self._asked: dict[str, _Asked] = {}
        self._last: Failure | None = None
        self._too_small = 0

    # What the driver tells

    def begin(self, now: float) -> Action:
        """The first action."""
        return self._next(now)

    def woke(self, now: float) -> Action:
        """A wait is over: who was passed over before may be free now, else whom it was waited for."""
        for visit, tier, targets in self._reached():
            if free := self._free(visit, targets, now):
                return self._ask(visit, tier, self._pick(visit.group, free, now), now)
        due = [asked for asked in self._asked.values() if self._ready_at(asked, now) <= now + TIMER_SLACK_S]
        return self._ask_again(due[0], now) if due else self._repeat(now)

    def answered(self, ask: Ask, now: float, first_token_s: float, output_tokens: int, total_tokens: int) -> None:
        """The whole answer came, or a stream's end; its first token `first_token_s` after the attempt began."""
        health = self._leave(ask)
        health.breaker.succeeded(now, ask.probe)
        health.provider.breaker.succeeded(now, ask.key_probe)
        health.answered(now, first_token_s, now - ask.began_s, output_tokens)
        if total_tokens:
            health.roll(now)
            health.tokens += total_tokens - (self._tokens if health.minute == ask.minute else 0)

    def left(self, ask: Ask) -> None:
        """The caller is gone, or the attempt says nothing about its deployment."""
        health = self._leave(ask)
        health.breaker.left(ask.probe)
        health.provider.breaker.left(ask.key_probe)

    def broke(self, ask: Ask, now: float, failure: Failure) -> None:
        """A stream broke after its first token: counted, but nothing can be tried any more."""
        self._strike(ask, now, failure)

    def failed(self, ask: Ask, now: float, failure: Failure) -> Action:
        """The attempt failed before the caller has seen anything of it; what next?"""
        self._strike(ask, now, failure)
        self._last, visit, rule = failure, ask.visit, failure.rule
        self._remember(ask, now, failure)
        if failure.kind is Kind.CONTEXT_LENGTH:
            self._too_small = max(self._too_small, ask.target.context_tokens or 0)
        # Groups for long contexts were named by somebody who knows; without any, another one may have a longer one.
        is_named = rule.fallbacks is FallbackList.CONTEXT and visit.group.context
        if is_named or not rule.elsewhere:
            visit.tier = len(visit.group.tiers)
        return self._next(now)

    def refused(self, ask: Ask, now: float) -> Action:
        """The count that all processes share has no room for it: nothing was sent, and it costs nothing."""
        self.left(ask)
        health, target = ask.target.health, ask.target
        health.roll(now)
        health.requests = max(health.requests, target.rpm or 0)
        health.tokens = max(health.tokens, target.tpm or 0)
        return self._next(now)

    def free_in_s(self, now: float) -> float:
        """Seconds until the first of all candidates may be asked again; infinity when none ever may."""
        moments = [
            self._free_at(visit, target, now)
            for visit in self.visits
            if not visit.is_barred
            for target in visit.group.targets()
        ]
        return max(0.0, min(moments, default=math.inf) - now)

    # Who is next

    def _next(self, now: float) -> Action:
        """The next candidate that was not asked, else one that was, else the end."""
        while True:
            visit = self.visits[-1]
            if (ask := self._in_tiers(visit, now)) is not None:
                return ask
            if not self._enter_next_group(visit):
                return self._last_resort(now)

    def _in_tiers(self, visit: Visit, now: float) -> Ask | None:
        if visit.is_barred:
            return None
        tiers = visit.group.tiers
        while visit.tier < len(tiers):
            if free := self._free(visit, tiers[visit.tier], now):
                return self._ask(visit, visit.tier, self._pick(visit.group, free, now), now)
            if self._moves <= 0 or visit.tier + 1 == len(tiers):
                return None
            visit.tier += 1
        return None

    def _enter_next_group(self, visit: Visit) -> bool:
        """Goes on to the next fallback group: those of the group just left before those of the ones before it."""
        if not visit.is_barred:
            self._names = [*_fallbacks(visit.group, self._last), *self._names]
        known = {seen.group.name for seen in self.visits}
        while self._names and self._moves > 0:
            name = self._names.pop(0)
            if name in known or (group := self._groups.get(name)) is None:
                continue
            depth = visit.depth + (0 if visit.is_barred else visit.group.span)
            is_barred = self._may_use is not None and not self._may_use(name)
            self.visits.append(Visit(group, depth, is_barred))
            return True
        return False

    def _free(self, visit: Visit, targets: tuple[Target, ...], now: float) -> list[Target]:
        """Those of a tier that were not asked and can be."""
        free = []
        for target in targets:
            if target.key in self._asked:
                continue
            obstacle = self._obstacle(visit.group, target, now)
            if obstacle is None:
                free.append(target)
            else:
                self._note(visit.group, target, obstacle, now)
        return free

    def _obstacle(self, group: Group, target: Target, now: float) -> Obstacle | None:
        if self._is_barred is not None and self._is_barred(target):
            return Obstacle(SkipReason.OWN_KEY_REFUSED, now)
        size = target.context_tokens
        if size is not None and (size <= self._too_small or size < self._tokens):
            return Obstacle(SkipReason.CONTEXT_TOO_SMALL, now)
        if group.has_breakers:
            health = target.health
            for breaker in (health.breaker, health.provider.breaker):
                if not breaker.is_quiet and (obstacle := _shut(breaker, health.in_flight, now)) is not None:
                    return obstacle
        if group.has_limits and not target.has_room(now, self._tokens):
            return Obstacle(SkipReason.RATE_LIMITED, now, (now // MINUTE_S + 1) * MINUTE_S)
        return None

    def _note(self, group: Group, target: Target, obstacle: Obstacle, now: float) -> None:
        """Remembers why a candidate is not asked; the first look counts."""
        if self.noted is None:
            self.noted = {}
        if (place := (group.name, target.key)) not in self.noted:
            self.noted[place] = obstacle
            if obstacle.breaker is not None:
                obstacle.breaker.passed_over(now)

    def _pick(self, group: Group, free: list[Target], now: float) -> Target:
        return free[0] if len(free) == 1 else group.pick(free, self._rng, self._is_stream, now)

    # When nobody is left who was not asked

    def _last_resort(self, now: float) -> Action:
        """Somebody who recovers, or has been left alone for as long as a last deployment may be; else a repeat."""
        for visit, tier, targets in self._reached():
            for target in targets:
                if target.key not in self._asked and self._free_at(visit, target, now) <= now:
                    return self._ask(visit, tier, target, now)
        return self._repeat(now)

    def _reached(self) -> Iterator[tuple[Visit, int, tuple[Target, ...]]]:
        """The tiers that the request came to, but for groups of which a failure said that nobody is to be asked."""
        for visit in self.visits:
            if not visit.is_barred and visit.tier < len(visit.group.tiers):
                for tier, targets in enumerate(visit.group.tiers[: visit.tier + 1]):
                    yield visit, tier, targets

    def _obstacle_but_breakers(self, group: Group, target: Target, now: float) -> Obstacle | None:
        obstacle = self._obstacle(group, target, now)
        return None if obstacle is not None and obstacle.breaker is not None else obstacle

    def _repeat(self, now: float) -> Action:
        """A repeat at one that was asked, now or after a wait; else the end."""
        if self._last is None or self._repeats <= 0 or self._last.kind in NO_REPEAT:
            return self._give_up(now)
        options = [(self._ready_at(asked, now), n, asked) for n, asked in enumerate(self._asked.values())]
        ready_s, _, asked = min(options, key=lambda option: option[:2])
        group = asked.visit.group
        longest_s = max(group.longest_wait_s, group.pause_s)
        if ready_s - now > longest_s or ready_s >= self._deadline_s:
            return self._give_up(now)
        self._repeats -= 1
        return Wait(ready_s - now) if ready_s > now else self._ask_again(asked, now)

    def _ask_again(self, asked: _Asked, now: float) -> Ask:
        asked.target.health.provider.budget.spend()
        return self._ask(asked.visit, asked.tier, asked.target, now)

    def _ready_at(self, asked: _Asked, now: float) -> float:
        """When it may be asked again; infinity when it may not."""
        target, group = asked.target, asked.visit.group
        if not asked.failure.rule.again or not target.health.provider.budget.has_any(now):
            return math.inf
        obstacle = self._obstacle_but_breakers(group, target, now)
        held_s = 0.0 if obstacle is None else obstacle.until_s
        return max(now, asked.ready_s, held_s, _breakers_free_at(group, target, now))

    def _give_up(self, now: float) -> GiveUp:
        return GiveUp(self._last, self.free_in_s(now))

    def _free_at(self, visit: Visit, target: Target, now: float) -> float:
        obstacle = self._obstacle_but_breakers(visit.group, target, now)
        held_s = now if obstacle is None else obstacle.until_s
        asked = self._asked.get(target.key)
        told_s = 0.0 if asked is None else asked.told_s
        return max(held_s, told_s, _breakers_free_at(visit.group, target, now))

    # An attempt

    def _ask(self, visit: Visit, tier: int, target: Target, now: float) -> Ask:
        place = (visit.group.name, tier)
        if place != self._place:
            self._moves -= 1
            step = Step.FALLBACK
        else:
            step = Step.RETRY if self._last is not None else Step.FIRST
        self._place = place
        health = target.health
        ask = Ask(target, visit, tier, visit.depth + target.rank, step, now)
        if visit.group.has_breakers:
            ask.probe, ask.key_probe = health.breaker.entered(), health.provider.breaker.entered()
        health.in_flight += 1
        health.roll(now)
        health.requests += 1
        health.tokens += self._tokens
        ask.minute = health.minute
        if target.key not in self._asked:
            health.provider.budget.earned()
        return ask

    def _leave(self, ask: Ask) -> Health:
        health = ask.target.health
        health.in_flight -= 1
        return health

    def _strike(self, ask: Ask, now: float, failure: Failure) -> None:
        health, strikes = self._leave(ask), failure.rule.strikes
        breaker, key_breaker = health.breaker, health.provider.breaker
        if strikes is Strikes.DEPLOYMENT:
            breaker.failed(now, failure, ask.probe, self._request_id)
        else:
            breaker.left(ask.probe)
        if strikes is Strikes.KEY:
            key_breaker.failed(now, failure, ask.key_probe, self._request_id)
        else:
            key_breaker.left(ask.key_probe)

    def _remember(self, ask: Ask, now: float, failure: Failure) -> None:
        before = self._asked.get(ask.target.key)
        times = 1 if before is None else before.times + 1
        pause_s = failure.retry_after_s
        if pause_s is None:
            pause_s = self._rng.random() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (times - 1))
        ready_s = now + max(pause_s, ask.visit.group.pause_s)
        told_s = 0.0 if failure.retry_after_s is None else now + failure.retry_after_s
        self._asked[ask.target.key] = _Asked(ask.target, ask.visit, ask.tier, failure, ready_s, told_s, times)


def _fallbacks(group: Group, failure: Failure | None) -> tuple[str, ...]:
    """Where to go next: the groups for this kind of failure, or the general ones where there are none."""
    wanted = FallbackList.GENERAL if failure is None else failure.rule.fallbacks
    if wanted is FallbackList.CONTEXT:
        return group.context or group.general
    if wanted is FallbackList.CONTENT:
        return group.content or group.general
    return group.general


def _shut(breaker: Breaker, in_flight: int, now: float) -> Obstacle | None:
    """What a breaker that is not quiet says to one more request."""
    state = breaker.state(now, in_flight)
    if state in (State.CLOSED, State.HALF_OPEN):
        return None
    reason = SkipReason.COOLING if state is State.OPEN else SkipReason.PROBE_RUNNING
    return Obstacle(reason, now, breaker.until_s, breaker, breaker.since_s, breaker.cause, breaker.request_id)


def _breakers_free_at(group: Group, target: Target, now: float) -> float:
    """When the breakers let a request through that nobody else could serve; infinity while another one probes."""
    if not group.has_breakers:
        return now
    breakers = target.health.breaker, target.health.provider.breaker
    if any(breaker.state(now) is State.PROBING for breaker in breakers):
        return math.inf
    return max(breaker.free_s(now, group.last_s) for breaker in breakers)
