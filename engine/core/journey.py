"""One request's way through a group, its tiers and its fallback groups: a state machine without I/O.

    action = journey.begin(now)
    Ask(target)  -> send the request there; then tell `answered` (a stream: `started` at its first token, `answered`
                    at its end), `failed`, `broke`, `left`, `ran_out`, `refused` or `outrun`
    Wait(s)      -> wait; then tell `woke`
    GiveUp(...)  -> the request has failed

`begin`, `failed`, `refused`, `outrun` and `woke` give the next action. Whoever drives it sends and waits; what is
decided is the same. The order of candidates: those of this tier that were not asked, later tiers, fallback groups; only
when none of them can be asked, repeats at those that were, or a short wait for the first that may be asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from random import Random

from engine.core.actions import Action, Ask, Asked, Exclusion, GiveUp, Obstacle, Step, Visit, Wait, longest_wait_s
from engine.core.attempt_course import answered, leave, sent, started, strike
from engine.core.candidates import TIMER_SLACK_S, Candidates
from engine.core.failures import Failure, FallbackList, Kind, Rule
from engine.core.hedging import Race
from engine.core.place_waits import Places
from engine.core.state import Group, Target

__all__ = ["Action", "Ask", "GiveUp", "Journey", "Obstacle", "Step", "Visit", "Wait"]

# The pause before a repeat that nobody asked for: up to so much, doubled with each, drawn from zero.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 4.0
OUT_OF_TIME = Failure(Kind.TIMEOUT, word="timeout")
# After one of these failures, repeats are hopeless.
NO_REPEAT = frozenset({Kind.BAD_REQUEST, Kind.CONTENT_POLICY})


class Journey:
    """The state of one request. For one request only."""

    __slots__ = (
        "_candidates", "_deadline_s", "_groups", "_is_stream", "_last", "_may_use", "_most_repeats", "_moves", "_names",
        "_only", "_place", "_places", "_race", "_repeats", "_request_id", "_rng", "_rule", "_tokens", "visits",
    )  # fmt: skip

    def __init__(
        self,
        groups: Mapping[str, Group],
        group: Group,
        rng: Random,
        *,
        deadline_s: float,
        tokens: int = 0,
        prompt_tokens: int = 0,
        is_stream: bool = False,
        request_id: str = "",
        bar: Callable[[Target], Exclusion | None] | None = None,
        may_use: Callable[[str], bool] | None = None,
    ) -> None:
        """No wait reaches over `deadline_s`. The request has at least `tokens`, its prompt about `prompt_tokens`.

        `bar` says why this request must not ask a target: it refused the caller's own key, or can't do what is asked;
        `may_use` whether the caller may use a fallback group.
        """
        self._groups, self._rng, self._deadline_s = groups, rng, deadline_s
        self._tokens, self._is_stream, self._request_id = tokens, is_stream, request_id
        self._may_use, self._most_repeats, self._moves = may_use, group.repeats, group.moves
        self._candidates = Candidates(tokens, bar, prompt_tokens)
        self.visits = [Visit(group)]
        self._place = (group.name, 0)
        self._names: list[str] = []
        self._repeats = 0
        self._last: Failure | None = None
        self._rule: Rule | None = None  # what follows from the last failure in its group
        self._only: Asked | None = None  # nobody else is to be asked before its repeats
        self._places: Places | None = None  # where it waits for one
        self._race: Race | None = None  # in a group that hedges

    @property
    def noted(self) -> dict[tuple[str, str], Obstacle] | None:
        """Why candidates were passed over, by group's name and target's key; None when none was."""
        return self._candidates.noted

    # What the driver tells

    def begin(self, now: float, bound: str = "") -> Action:
        """The first action. `bound` is the key of the target that answered the conversation last, in any tier."""
        visit = self.visits[0]
        if bound and now < self._deadline_s and (found := self._candidates.bound(visit.group, bound, now)) is not None:
            return self._ask(visit, *found, now, Step.FIRST)
        return self._next(now)

    def woke(self, now: float) -> Action:
        """A wait is over: asks a candidate that was passed over and is free now, else the one it waited for."""
        if self._places is not None and self._places.queued is not None:
            return self._next_in_queue(self._places, now)
        if now >= self._deadline_s:
            return self._give_up(now)
        if self._only is not None:
            return self._ask_again(self._only, now) if self._is_due(self._only, now) else self._stay(self._only, now)
        if (ask := self._untried(now)) is not None:
            return ask
        due = (asked for asked in self._repeatable() if self._is_due(asked, now))
        return self._ask_again(asked, now) if (asked := next(due, None)) is not None else self._repeat(now)

    def goes_on_from(self, ask: Ask) -> None:
        """Its first attempt was made without it (`FirstAsks`), and has not ended."""
        ask.visit = self.visits[0]

    def started(self, ask: Ask, now: float) -> None:
        """A stream's first token came."""
        started(ask, now)

    def answered(self, ask: Ask, now: float, first_token_s: float, output_tokens: int, total_tokens: int) -> None:
        """The whole answer came, or a stream's end; its first token `first_token_s` after the attempt began."""
        answered(ask, now, first_token_s if self._is_stream else None, output_tokens, total_tokens, self._tokens)

    def left(self, ask: Ask) -> None:
        """The caller is gone, or the attempt says nothing about its deployment."""
        health = leave(ask)
        health.breaker.left(ask.ticket)
        health.provider.breaker.left(ask.key_ticket)

    def ran_out(self, ask: Ask, now: float) -> None:
        """The time of the whole request is up. An attempt that had all of it is as good as one that timed out."""
        if ask.step is Step.FIRST and not ask.has_started:
            strike(ask, now, OUT_OF_TIME, self._request_id)
        else:
            self.left(ask)

    def broke(self, ask: Ask, now: float, failure: Failure) -> None:
        """A stream broke after its first token: counted, but nothing can be tried any more."""
        strike(ask, now, failure, self._request_id)

    def go_on(self, broken: Ask, target: Target, now: float) -> Ask | None:
        """An attempt to rescue a stream that broke, at this target of its group; None where it can't be asked."""
        found = self._candidates.bound(broken.visit.group, target.key, now)
        return None if found is None else self._ask(broken.visit, *found, now, Step.RESCUE)

    def race(self, ask: Ask) -> Race:
        """Where an attempt in a group that hedges may get another one beside it; to be asked of each such attempt."""
        if self._race is None or self._race.group is not ask.visit.group:
            self._race = Race(ask.visit.group, self._candidates, self._rng, self._tokens, is_stream=self._is_stream)
        return self._race

    def hedge(self, slow: Ask, now: float) -> Ask | None:
        """The attempt that runs beside this slow one from now on; None where nobody can be asked."""
        is_barred = self._only is not None or now >= self._deadline_s
        return None if is_barred else self.race(slow).second(slow, now, may_move=self._moves > 0)

    def failed(self, ask: Ask, now: float, failure: Failure) -> Action:
        """The attempt failed before the caller has seen anything of it, and none runs beside it; what next?"""
        asked = self.failed_beside(ask, now, failure)
        if asked.rule.again and not asked.rule.elsewhere:
            return self._stay(asked, now)
        return self._leave_for_others(ask.visit, asked.rule, now)

    def failed_beside(self, ask: Ask, now: float, failure: Failure) -> Asked:
        """The same while another attempt runs beside it: what comes of that one decides."""
        strike(ask, now, failure, self._request_id)
        self._last, self._rule, self._only = failure, ask.visit.group.rules[failure.kind], None
        if failure.kind is Kind.CONTEXT_LENGTH:
            self._candidates.too_small = max(self._candidates.too_small, ask.target.context_tokens or 0)
        return self._remember(ask, now, failure, self._rule)

    def refused(self, ask: Ask, now: float) -> Action:
        """The count that all processes share has no room for it: nothing was sent, and it costs nothing."""
        self.left(ask)
        health, target = ask.target.health, ask.target
        health.roll(now)
        health.requests = max(health.requests, target.rpm or 0)
        health.tokens = max(health.tokens, target.tpm or 0)
        return self._next(now)

    def outrun(self, ask: Ask, now: float) -> Action:
        """Another process probes what this was to probe: nothing was sent, and it costs nothing."""
        self.left(ask)
        health = ask.target.health
        if health.minute == ask.minute:
            health.requests -= 1
            health.tokens -= self._tokens
        return self._next(now)

    def free_in_s(self, now: float) -> float:
        """Seconds until asking the first of all candidates again may help; infinity when it never may."""
        return self._candidates.free_in_s(self.visits, now)

    # Who is next

    def _next(self, now: float) -> Action:
        """The next candidate that was not asked, else one that was, else the end."""
        if now >= self._deadline_s:
            return self._give_up(now)
        if self._only is not None:
            return self._stay(self._only, now)
        while True:
            visit = self.visits[-1]
            if (action := self._in_tiers(visit, now)) is not None:
                return action
            if not self._enter_next_group(visit):
                return self._last_resort(now)

    def _leave_for_others(self, visit: Visit, rule: Rule, now: float) -> Action:
        if rule.fallbacks is FallbackList.NONE:
            return self._give_up(now)
        # Groups for long contexts were named by somebody who knows; without any, another one may have a longer one.
        is_named = rule.fallbacks is FallbackList.CONTEXT and visit.group.context
        if is_named or not rule.elsewhere:
            visit.tier = len(visit.group.tiers)
        if visit is not self.visits[-1]:  # a repeat in a group that was left before: now for another reason
            self._names = [*self._fallbacks(visit.group), *self._names]
        return self._next(now)

    def _stay(self, asked: Asked, now: float) -> Action:
        """A repeat at this one, before anybody else is asked; where it may not be, or not soon, the others."""
        self._only = asked
        if not isinstance(action := self._repeat(now), GiveUp):
            return action
        self._only = None
        return self._leave_for_others(asked.visit, asked.rule, now)

    def leave_queue(self) -> None:
        """It waits for no place any more; to be told, too, when its caller leaves while it waits."""
        if self._places is not None:
            self._places.leave()

    def _wait_for_a_place(self, visit: Visit, now: float) -> Wait | None:
        if self._places is None:
            self._places = Places(self._candidates)
        return self._places.wait(visit, now, self._deadline_s)

    def _next_in_queue(self, places: Places, now: float) -> Action:
        """A place, where it is its turn; else a longer wait, or the next tier."""
        visit = self.visits[-1]
        turns = places.turns(visit, now)
        if not turns and (wait := places.longer(now)) is not None:
            return wait
        ask = self._pick(visit, visit.tier, turns, now) if turns and now < self._deadline_s else None
        places.leave()
        return self._next(now) if ask is None else ask

    def _in_tiers(self, visit: Visit, now: float) -> Ask | Wait | None:
        if visit.is_barred:
            return None
        tiers = visit.group.tiers
        while visit.tier < len(tiers):
            if free := self._candidates.free(visit.group, tiers[visit.tier], now):
                return self._pick(visit, visit.tier, free, now)
            if visit.group.has_places and (wait := self._wait_for_a_place(visit, now)) is not None:
                return wait
            if self._moves <= 0 or visit.tier + 1 == len(tiers):
                return None
            visit.tier += 1
        return None

    def _enter_next_group(self, visit: Visit) -> bool:
        """Goes on to the next fallback group: those of the group just left before those of the ones before it."""
        if not visit.is_barred:
            self._names = [*self._fallbacks(visit.group), *self._names]
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

    def _fallbacks(self, group: Group) -> tuple[str, ...]:
        """Where to go next: the groups for this kind of failure, or the general ones where there are none."""
        wanted = FallbackList.GENERAL if self._rule is None else self._rule.fallbacks
        if wanted is FallbackList.CONTENT:
            return group.content or group.general
        if group.context and (wanted is FallbackList.CONTEXT or self._candidates.are_too_small(group)):
            return group.context
        return group.general

    # When nobody is left who was not asked

    def _last_resort(self, now: float) -> Action:
        if (ask := self._untried(now)) is not None:
            return ask
        if self._last is None and (found := self._candidates.largest(self._reached(), now)) is not None:
            return self._ask(*found, now)
        return self._repeat(now)

    def _untried(self, now: float) -> Ask | None:
        """One that was passed over and is free by now; else one that recovers, or has had a last one's pause."""
        for visit, tier, targets in self._reached():
            if free := self._candidates.free(visit.group, targets, now):
                return self._pick(visit, tier, free, now)
        for visit, tier, targets in self._reached():
            if free := [target for target in targets if self._candidates.can_serve(visit.group, target, now)]:
                return self._pick(visit, tier, free, now)
        return None

    def _reached(self) -> Iterator[tuple[Visit, int, list[Target]]]:
        """Those that were not asked, in the tiers that the request came to and may still go to."""
        for visit in self.visits:
            if visit.is_barred or visit.has_ended:
                continue
            for tier, targets in enumerate(visit.group.tiers[: visit.tier + 1]):
                if self._may_go(visit, tier):
                    yield visit, tier, [target for target in targets if target.key not in self._candidates.asked]

    def _repeatable(self) -> Iterator[Asked]:
        if self._only is not None:
            yield self._only
            return
        for asked in self._candidates.asked.values():
            if not asked.visit.has_ended and self._may_go(asked.visit, asked.tier):
                yield asked

    def _may_go(self, visit: Visit, tier: int) -> bool:
        return self._moves > 0 or (visit.group.name, tier) == self._place

    def _repeat(self, now: float) -> Action:
        """A repeat at one that was asked, now or after a wait; or a wait for one that was not; else the end."""
        if self._rule is None or self._last is None or (self._last.kind in NO_REPEAT and not self._rule.again):
            return self._give_up(now)
        ready_s, longest_s, asked = self._soonest(now)
        if ready_s - now > longest_s or ready_s >= self._deadline_s:
            return self._give_up(now)
        self._repeats += 1
        return Wait(ready_s - now) if asked is None or ready_s > now else self._ask_again(asked, now)

    def _soonest(self, now: float) -> tuple[float, float, Asked | None]:
        """When somebody may be asked first, the longest wait for that, and who; among equals those that were asked."""
        options: list[tuple[float, float, Asked | None]] = [
            (self._ready_at(asked, now), longest_wait_s(asked.visit.group, asked), asked)
            for asked in self._repeatable()
            if self._repeats < (self._most_repeats if asked.rule.most is None else asked.rule.most)
        ]
        if self._only is None and self._repeats < self._most_repeats:
            options += self._soon_free(now)
        return min(options, key=lambda option: option[0], default=(math.inf, 0.0, None))

    def _soon_free(self, now: float) -> Iterator[tuple[float, float, None]]:
        """The same of those that were not asked."""
        for visit, _, targets in self._reached():
            for target in targets:
                if not self._candidates.is_shut(visit.group, target, now):
                    yield self._candidates.free_at(visit.group, target, now), longest_wait_s(visit.group), None

    def _ask_again(self, asked: Asked, now: float) -> Ask:
        asked.target.health.provider.budget.spend()
        return self._ask(asked.visit, asked.tier, asked.target, now)

    def _is_due(self, asked: Asked, now: float) -> bool:
        if not self._is_worth_it(asked, now) or asked.ready_s > now + TIMER_SLACK_S:
            return False
        return self._candidates.can_serve(asked.visit.group, asked.target, now)

    def _ready_at(self, asked: Asked, now: float) -> float:
        """When it may be asked again; infinity when it may not."""
        if not self._is_worth_it(asked, now):
            return math.inf
        # Nobody waits for a breaker that failures have opened: in an outage all requests would, and fail later.
        if asked.failure.kind is not Kind.RATE_LIMIT and self._candidates.is_shut(asked.visit.group, asked.target, now):
            return math.inf
        return max(asked.ready_s, self._candidates.free_at(asked.visit.group, asked.target, now))

    def _is_worth_it(self, asked: Asked, now: float) -> bool:
        return asked.rule.again and asked.target.health.provider.budget.has_any(now)

    def _give_up(self, now: float) -> GiveUp:
        return GiveUp(self._last, self.free_in_s(now))

    # An attempt

    def _pick(self, visit: Visit, tier: int, free: list[Target], now: float) -> Ask:
        target = free[0] if len(free) == 1 else visit.group.pick(free, self._rng, self._is_stream, now)
        return self._ask(visit, tier, target, now)

    def _ask(self, visit: Visit, tier: int, target: Target, now: float, step: Step | None = None) -> Ask:
        if target.key not in self._candidates.asked:
            target.health.provider.budget.earned()
        return sent(visit, tier, target, step or self._step(visit.group.name, tier), self._tokens, now)

    def _step(self, name: str, tier: int) -> Step:
        """The step to a group and tier, which is made now."""
        place = name, tier
        if place == self._place:
            return Step.FIRST if self._last is None else Step.RETRY
        self._place = place
        self._moves -= 1
        return Step.FALLBACK

    def _remember(self, ask: Ask, now: float, failure: Failure, rule: Rule) -> Asked:
        before = self._candidates.asked.get(ask.target.key)
        times = 1 if before is None else before.times + 1
        pause_s = rule.wait_s
        if pause_s is None:
            pause_s = self._rng.random() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (times - 1))
        ready_s = now + max(pause_s, failure.retry_after_s or 0.0, ask.visit.group.pause_s)
        told_s = 0.0 if failure.retry_after_s is None else now + failure.retry_after_s
        asked = Asked(ask.target, ask.visit, ask.tier, failure, rule, ready_s, told_s, times)
        self._candidates.asked[ask.target.key] = asked
        return asked
