"""The rankings of routing groups for power levels, by catalog prices, quality, and recent speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from groups.models import RoutingRules
from groups.routing_rules.facts import all_pools
from groups.routing_rules.power_levels import AUTO, POWER_LEVELS, PoolFacts, RankedPool, ranked, weights_of
from usage.health.response_times import response_times

Rankings = Mapping[str, tuple[RankedPool, ...]]


def current_rankings() -> Rankings:
    """For plain `auto` and each power level, its groups, best first; four queries."""
    return rankings_of(measured_pools(), RoutingRules.objects.current())


def measured_pools() -> list[PoolFacts]:
    """The active chat groups of the power levels, with the response times of the last day."""
    return all_pools({deployment: times.mean_ms for deployment, times in response_times().items()})


def rankings_of(pools: Iterable[PoolFacts], rules: RoutingRules) -> Rankings:
    """The same for given pools and rules. Pure."""
    known = tuple(pools)
    levels = {name: ranked(known, weights_of(strategy)) for name, strategy in POWER_LEVELS.items()}
    return {AUTO: ranked(known, rules.level_weights), **levels}
