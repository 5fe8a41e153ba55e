"""The breakers of a process that are open or half-open, for people: one each, with all groups that heed it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from engine.core.breaker import Breaker
from engine.core.state import DEPLOYMENT, KEY, Group, RoutingState, Target
from engine.drivers.cooldowns import Cooldown
from engine.shared.messages import described
from engine.spec import DeploymentSpec, GroupSpec


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """A deployment, or all that are called with a provider's key, that is not asked, or only by one request at a time.

    `name` is `deployment:ID` or `key:ID` of the provider; `deployment` is one of those behind it. Times are Unix
    seconds; from `next_probe_s` on one request may ask it. `cause` is `3×503`, or why it is tripped by hand.
    """

    name: str
    deployment: DeploymentSpec
    groups: tuple[GroupSpec, ...]
    is_half_open: bool
    is_by_hand: bool
    cause: str
    error_class: str
    error: str
    since_s: float
    until_s: float
    next_probe_s: float


def open_breakers(state: RoutingState, groups: Mapping[str, Group]) -> list[OpenBreaker]:
    """Those of the routing core."""
    now = asyncio.get_running_loop().time()
    found = {name: breaker for name, breaker in state.breakers() if breaker.until_s}
    if not found:
        return []
    rows = (_row(name, found[name], behind, now) for name, behind in _places(found, groups.values()).items())
    return [row for row in rows if row is not None]


def open_for_litellm(cooldowns: Iterable[tuple[GroupSpec, Cooldown]]) -> Iterator[OpenBreaker]:
    """The cooldowns of groups that LiteLLM's Router routes; each group has its own."""
    for spec, cooldown in cooldowns:
        yield OpenBreaker(
            DEPLOYMENT + cooldown.deployment.deployment_id,
            cooldown.deployment,
            (spec,),
            is_half_open=False,
            is_by_hand=cooldown.is_by_hand,
            cause=cooldown.cause,
            error_class=cooldown.error_class,
            error=cooldown.error,
            since_s=cooldown.since_s,
            until_s=cooldown.until_s,
            next_probe_s=cooldown.until_s,
        )


def _places(found: Mapping[str, Breaker], groups: Iterable[Group]) -> dict[str, list[tuple[Group, Target]]]:
    """Where the deployments behind these breakers stand."""
    places: dict[str, list[tuple[Group, Target]]] = {}
    for group in sorted(groups, key=attrgetter("name")):
        for target in group.targets():
            for name in (DEPLOYMENT + target.key, KEY + target.health.provider.key):
                if name in found:
                    places.setdefault(name, []).append((group, target))
    return places


def _row(name: str, breaker: Breaker, places: list[tuple[Group, Target]], now: float) -> OpenBreaker | None:
    is_tripped, unix_s = breaker.is_tripped(now), time.time() - now
    heeding = [(group, target) for group, target in places if is_tripped or group.has_breakers]
    if not heeding:
        return None
    error_class, error = described(breaker.last.cause) if breaker.last is not None else ("", "")
    return OpenBreaker(
        name,
        heeding[0][1].spec,
        tuple({group.name: group.spec for group, _ in heeding}.values()),
        is_half_open=breaker.until_s <= now,
        is_by_hand=is_tripped,
        cause=breaker.cause,
        error_class=error_class,
        error=error or breaker.cause,
        since_s=unix_s + breaker.since_s,
        until_s=unix_s + breaker.until_s,
        next_probe_s=unix_s + min(_probed_at(breaker, group, is_tripped) for group, _ in heeding),
    )


def _probed_at(breaker: Breaker, group: Group, is_tripped: bool) -> float:
    """A group with nobody else asks its last deployment sooner."""
    is_sooner = group.size == 1 and not is_tripped
    return min(breaker.until_s, breaker.since_s + group.last_s) if is_sooner else breaker.until_s
