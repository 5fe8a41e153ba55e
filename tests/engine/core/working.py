"""Groups, journeys and failures made short."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from engine.core.actions import Action, Ask, GiveUp, Wait
from engine.core.breaker import Breaker, BreakerPolicy, State
from engine.core.failures import Failure, Kind
from engine.core.journey import Journey
from engine.core.policies import POLICIES
from engine.core.said import Said
from engine.core.state import Group, Health, RoutingState, Target

SERVER = Failure(Kind.SERVER, word="503")
UNREACHABLE = Failure(Kind.UNREACHABLE, word="connection")
SILENT = Failure(Kind.TIMEOUT, word="timeout")
LIMITED = Failure(Kind.RATE_LIMIT, word="429")
REFUSED = Failure(Kind.CREDENTIALS, word="401")
TOO_LONG = Failure(Kind.CONTEXT_LENGTH)
BLOCKED = Failure(Kind.CONTENT_POLICY)
WRONG = Failure(Kind.BAD_REQUEST)


DEFAULT = BreakerPolicy()


def limited(retry_after_s: float) -> Failure:
    return Failure(Kind.RATE_LIMIT, retry_after_s, "429")


def group(
    *tiers: str,
    state: RoutingState | None = None,
    strategy: str = "priority-failover",
    providers: Mapping[str, str] | None = None,
    rows: Mapping[str, Mapping[str, Any]] | None = None,
    **fields: Any,
) -> Group:
    """`group("ab", "c")` has a and b in its first tier; each has a provider of its own unless `providers` names one.

    `rows` has the fields of single targets.
    """
    state = state or RoutingState()

    def target(key: str, rank: int) -> Target:
        health = state.health(key, (providers or {}).get(key, f"of {key}"))
        return Target(key, rank, health, **(rows or {}).get(key, {}))

    made = tuple(tuple(target(key, rank) for key in tier) for rank, tier in enumerate(tiers))
    return Group(fields.pop("name", "g"), made, POLICIES[strategy], **{"span": len(tiers), **fields})


def health_of(group: Group, key: str) -> Health:
    return next(target.health for target in group.targets() if target.key == key)


def journey(group: Group, *others: Group, seed: int = 1, deadline_s: float = 1e9, **fields: Any) -> Journey:
    """One request; `others` are the groups that can be fallen back to."""
    groups = {other.name: other for other in (group, *others)}
    return Journey(groups, group, Random(seed), deadline_s=deadline_s, **fields)


def ask_of(action: Action) -> Ask:
    assert isinstance(action, Ask), action
    return action


def key_of(action: Action) -> str:
    return ask_of(action).target.key


def wait_of(action: Action) -> float:
    assert isinstance(action, Wait), action
    return action.seconds


def end_of(action: Action) -> GiveUp:
    assert isinstance(action, GiveUp), action
    return action


def path(request: Journey, failing: Mapping[str, Failure], now: float = 0.0, takes_s: float = 0.0) -> list[str | float]:
    """Drives a request to its end: keys in the order in which they were asked, and the waits between, to 0.1 s.

    Those of `failing` fail, after `takes_s`; the others answer.
    """
    steps: list[str | float] = []
    action = request.begin(now)
    while not isinstance(action, GiveUp):
        if isinstance(action, Wait):
            now += action.seconds
            steps.append(round(action.seconds, 1))
            action = request.woke(now)
            continue
        steps.append(action.target.key)
        now += takes_s
        if (failure := failing.get(action.target.key)) is None:
            request.answered(action, now, takes_s, 10, 20)
            return steps
        action = request.failed(action, now, failure)
    return steps


def asked(steps: list[str | float]) -> str:
    """Only whom it asked: `aba`."""
    return "".join(step for step in steps if isinstance(step, str))


def opened(failure: Failure = LIMITED, at_s: float = 0.0, policy: BreakerPolicy = DEFAULT) -> Breaker:
    """A breaker that this failure has opened."""
    breaker = Breaker(policy)
    while breaker.state(at_s) is State.CLOSED:
        breaker.sent += 1
        breaker.failed(at_s, failure, breaker.entered(at_s))
    return breaker


def shut(breaker: Breaker, now: float, for_s: float, cause: str = "3×503") -> None:
    """Opens it for so long, as another process did."""
    breaker.hear(now, Said(left_s=for_s, openings=1, cause=cause))


def open_for(health: Health, seconds: float, now: float = 0.0) -> None:
    """Opens a deployment's breaker as its upstream would, by a Retry-After."""
    health.breaker.failed(now, limited(seconds), health.breaker.entered(now))
