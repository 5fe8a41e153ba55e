"""What holds in any world: random groups, faults, times and callers, several requests in flight at once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.actions import Action, Ask, Visit
from engine.core.breaker import BreakerPolicy, State
from engine.core.failures import Failure, Kind
from engine.core.policies import POLICIES
from engine.core.state import Group, RoutingState, Target
from engine.ledger import SkipReason
from tests.engine.core.simulated import Fate, Request, World
from tests.engine.core.working import group

KEYS = "abcdef"
KINDS = [kind for kind in Kind if kind is not Kind.TIMEOUT]
FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Fault:
    """A deployment fails so from one moment to another; without a kind it hangs."""

    key: str
    from_s: float
    until_s: float
    takes_s: float
    kind: Kind | None
    retry_after_s: float | None
    share: float

    @property
    def fate(self) -> Fate:
        if self.kind is None:
            return math.inf, None
        return self.takes_s, Failure(self.kind, self.retry_after_s, self.kind.value)


@dataclass(frozen=True)
class Plan:
    """A world before it runs: everything about it follows from its seed and two counts."""

    seed: int
    requests: int
    faults: int
    has_limits: bool = True

    def world(self, watch: Callable[[float, Request, Action | None], None] | None = None, **more: bool) -> World:
        rng = Random(self.seed)
        groups = _groups(rng, has_limits=self.has_limits)
        faults = [_fault(rng) for _ in range(self.faults)]

        def conduct(key: str, now: float) -> Fate:
            for fault in faults:
                if fault.key == key and fault.from_s <= now < fault.until_s and rng.random() < fault.share:
                    return fault.fate
            return 0.5, None

        world = World(groups, conduct, seed=self.seed, timeout_s=10.0, budget_s=60.0, watch=watch, **more)
        moments = [rng.choice([0.0, 3.0, 30.0, 59.5, 61.0, rng.uniform(0, 120)]) for _ in range(self.requests)]
        for at_s in sorted(moments):
            leaves_after_s = rng.uniform(0.01, 5) if rng.random() < 0.1 else None
            world.send(f"g{rng.choice('0012')}", at_s, leaves_after_s=leaves_after_s, tokens=rng.choice([0, 10, 60]))
        return world


def _groups(rng: Random, *, has_limits: bool = True) -> list[Group]:
    """Three over the same few deployments, each with others as its fallback groups."""
    state = RoutingState()
    rows = {key: _row(rng) for key in KEYS}
    if not has_limits:
        rows = {key: {**row, "rpm": None, "tpm": None} for key, row in rows.items()}
    providers = {key: rng.choice("pqr") for key in KEYS}
    return [
        group(
            *_tiers(rng),
            name=f"g{number}",
            state=state,
            rows=rows,
            providers=providers,
            strategy=rng.choice(list(POLICIES)),
            repeats=rng.randint(0, 3),
            moves=rng.randint(0, 4),
            pause_s=rng.choice([0.0, 0.0, 1.0]),
            has_breakers=rng.random() < 0.8,
            general=tuple(rng.sample(["g0", "g1", "g2", "gone"], rng.randint(0, 3))),
            context=tuple(rng.sample(["g1", "g2"], rng.randint(0, 1))),
            content=tuple(rng.sample(["g1", "g2"], rng.randint(0, 1))),
        )
        for number in range(3)
    ]


def _tiers(rng: Random) -> list[str]:
    keys = "".join(rng.sample(KEYS, rng.randint(1, 5)))
    cut = rng.randint(0, len(keys))
    return [tier for tier in (keys[:cut], keys[cut:]) if tier]


def _row(rng: Random) -> dict[str, Any]:
    row: dict[str, Any] = {"weight": rng.uniform(0.1, 5)}
    if rng.random() < 0.4:
        row["rpm"] = rng.randint(1, 6)
    if rng.random() < 0.2:
        row["tpm"] = rng.randint(50, 300)
    if rng.random() < 0.3:
        row["context_tokens"] = rng.choice([20, 100])
    return row


def _fault(rng: Random) -> Fault:
    from_s = rng.choice([0.0, rng.uniform(0, 100)])
    kind = rng.choice([None, Kind.SERVER, Kind.RATE_LIMIT, *KINDS])
    retry_after_s = rng.choice([None, None, 0.0, 0.5, 3.0, 5.0, 30.0, 3600.0])
    until_s = from_s + rng.choice([2.0, 20.0, 200.0])
    return Fault(
        rng.choice(KEYS),
        from_s,
        until_s,
        rng.choice([0.01, 0.3, 5.0]),
        kind,
        retry_after_s,
        rng.choice([1.0, 1.0, 0.5]),
    )


# Drawn from a seed, because a world must be dense to go wrong; one with fewer requests and faults is simpler.
PLAN = st.builds(Plan, st.integers(0, 10**9), st.integers(1, 60), st.integers(0, 8))


class Watch:
    """Looks at each decision as it is made."""

    def __init__(self) -> None:
        self.sent: Counter[tuple[str, int]] = Counter()
        self.running: dict[Request, Ask] = {}
        self.faults: list[str] = []

    def __call__(self, now: float, request: Request, action: Action | None) -> None:
        self.running.pop(request, None)
        if not isinstance(action, Ask):
            return
        if action.target.key in {key for key, *_ in request.asked}:
            self._look_for_others(now, request)
        self._look_for_probes(action)
        self._look_for_limits(action, now)
        self.running[request] = action

    def _look_for_others(self, now: float, request: Request) -> None:
        before = {key for key, *_ in request.asked}
        for visit in request.journey.visits:
            if not visit.is_barred and not visit.has_ended:
                for target in _open_to(request, visit, before):
                    if _may_serve(visit.group, target, now, request):
                        self.faults.append(f"{request.path} and again, though {target.key} may serve")

    def _look_for_probes(self, ask: Ask) -> None:
        others = self.running.values()
        health = ask.target.health
        if ask.ticket > 0 and any(o.ticket > 0 and o.target.health is health for o in others):
            self.faults.append(f"two probes of {ask.target.key}")
        if ask.key_ticket > 0 and any(o.key_ticket > 0 and o.target.health.provider is health.provider for o in others):
            self.faults.append(f"two probes of {health.provider.key}")

    def _look_for_limits(self, ask: Ask, now: float) -> None:
        self.sent[ask.target.key, int(now // 60)] += 1
        if self.sent[ask.target.key, int(now // 60)] > (ask.target.rpm or math.inf):
            self.faults.append(f"{ask.target.key} is over its limit")


def _open_to(request: Request, visit: Visit, before: set[str]) -> list[Target]:
    """Those of the tiers that it may still go to, and did not ask."""
    can_move = request.journey._moves > 0
    return [
        target
        for number, tier in enumerate(visit.group.tiers[: visit.tier + 1])
        if can_move or request.journey._place == (visit.group.name, number)
        for target in tier
        if target.key not in before
    ]


def _may_serve(group: Group, target: Target, now: float, request: Request) -> bool:
    breakers = target.health.breaker, target.health.provider.breaker
    if group.has_breakers and any(breaker.state(now) is not State.CLOSED for breaker in breakers):
        return False
    tokens, too_small = request.journey._tokens, request.journey._candidates.too_small
    if target.context_tokens is not None and (target.context_tokens < tokens or target.context_tokens <= too_small):
        return False
    return target.has_room(now, tokens)


@given(PLAN)
@FAST
def test_no_limit_is_exceeded_no_probe_doubled_and_nobody_asked_again_while_another_may_serve(plan: Plan):
    watch = Watch()
    plan.world(watch).run()
    assert watch.faults == []


@given(PLAN)
@FAST
def test_every_request_ends_in_time_with_few_attempts_and_all_candidates_accounted_for(plan: Plan):
    world = plan.world()
    for request in world.run():
        assert request.ended_s is not None
        assert request.ended_s <= request.deadline_s + 1e-6
        repeats, first = len(request.asked) - len(set(request.path)), request.journey.visits[0].group
        assert repeats <= first.repeats >= len(request.waits)
        assert unaccounted(request) == []
    assert {key: target.health.in_flight for key, target in world.targets().items() if target.health.in_flight} == {}


def unaccounted(request: Request) -> list[str]:
    """Candidates that were reached by a request that failed, and neither asked nor noted."""
    if request.gave_up is None or request.ended_s == request.deadline_s:
        return []
    noted, visits = request.journey.noted or {}, [v for v in request.journey.visits if not v.has_ended]
    reached = [(v.group.name, t.key) for v in visits for tier in v.group.tiers[: v.tier + 1] for t in tier]
    return [key for name, key in reached if key not in request.path and (name, key) not in noted]


@given(PLAN)
@FAST
def test_what_is_noted_was_in_the_way_when_it_was_seen_and_a_seed_goes_one_way(plan: Plan):
    requests, same = plan.world().run(), plan.world().run()
    assert [(r.path, r.waits, r.ended_s) for r in requests] == [(r.path, r.waits, r.ended_s) for r in same]
    for request in requests:
        for obstacle in (request.journey.noted or {}).values():
            assert obstacle.seen_s >= request.began_s
            if obstacle.reason is SkipReason.COOLING:
                assert obstacle.until_s > obstacle.seen_s


@given(PLAN, st.booleans())
@settings(FAST, max_examples=300)
def test_a_first_attempt_without_a_journey_is_the_one_that_the_journey_would_have_made(plan: Plan, has_limits: bool):
    plan = replace(plan, has_limits=has_limits)
    worlds = plan.world(), plan.world(makes_journeys_late=True)
    one, other = ([_course(request) for request in world.run()] for world in worlds)
    assert one == other
    assert _end_of(worlds[0]) == _end_of(worlds[1])


def _course(request: Request) -> list[Any]:
    noted = {place: obstacle._replace(breaker=None) for place, obstacle in (request.journey.noted or {}).items()}
    return [request.asked, request.waits, request.ended_s, request.is_answered, request.gave_up, noted]


def _end_of(world: World) -> list[Any]:
    """What everything has come to, chance included."""
    healths = [target.health for target in world.targets().values()]
    known = [(h.requests, h.tokens, h.token.mean_s, h.breaker.sent, h.breaker.say(1e3)) for h in healths]
    providers = [(h.provider.breaker.say(1e3), h.provider.budget._left) for h in healths]
    return [known, providers, world.rng.random()]


def test_many_first_attempts_of_such_worlds_need_no_journey():
    worlds = [Plan(seed, 40, 2, has_limits=False).world(makes_journeys_late=True) for seed in range(20)]
    requests = [request for world in worlds for request in world.run()]
    assert sum(request.began_alone for request in requests) > len(requests) / 4


POLICY = st.builds(
    BreakerPolicy,
    fixed_s=st.sampled_from([None, 5.0, 30.0]),
    allowed_fails=st.sampled_from([None, 0, 1, 4]),
    consecutive=st.integers(1, 5),
    window_s=st.sampled_from([10.0, 60.0]),
)


@given(POLICY, POLICY, POLICY)
def test_the_strictest_of_several_is_the_same_in_any_order(
    one: BreakerPolicy, other: BreakerPolicy, third: BreakerPolicy
):
    assert one.strictest(other).strictest(third) == third.strictest(one.strictest(other))
    assert one.strictest(other).is_adaptive == (one.is_adaptive or other.is_adaptive)
