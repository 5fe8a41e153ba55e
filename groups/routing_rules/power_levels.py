"""Ranks pools by price, measured speed and quality, for clients that name none.

Pure. The score is a weighted geometric mean: a pool that is bad at one measure can't make up for it with another, and
other pools do not change how two pools compare. See docs/adr/0013.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

# An unknown value counts as the middle of its scale.
MIDDLE_USD, MIDDLE_MS, MIDDLE_QUALITY = 1.0, 1000.0, 50.0
# From best to worst: 0.01 to 100 USD per million tokens, 100 ms to 10 s per answer.
DECADES_OF_PRICE, DECADES_OF_LATENCY = 4, 2
WORST = 0.01


class LevelStrategy(StrEnum):
    """What counts in the choice of a pool. `custom` uses the stored weights."""

    COST = "cost"
    BALANCED = "balanced"
    QUALITY = "quality"
    LATENCY = "latency"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Weights:
    """The relative weight of each measure; none below 0, not all 0."""

    cost: float
    latency: float
    quality: float


BALANCED = Weights(cost=0.4, latency=0.2, quality=0.4)
FIXED: Mapping[LevelStrategy, Weights] = {
    LevelStrategy.COST: Weights(1, 0, 0),
    LevelStrategy.BALANCED: BALANCED,
    LevelStrategy.QUALITY: Weights(0, 0, 1),
    LevelStrategy.LATENCY: Weights(0, 1, 0),
}
# The names that clients send as `model`; plain AUTO follows the console's own strategy.
AUTO = "auto"
POWER_LEVELS: Mapping[str, LevelStrategy] = {
    "auto-eco": LevelStrategy.COST,
    "auto-balanced": LevelStrategy.BALANCED,
    "auto-precision": LevelStrategy.QUALITY,
}
LEVEL_NAMES = (AUTO, *POWER_LEVELS)


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """The facts of a routing group: the mean price of a million input and output tokens, the mean time of an answer,
    and quality from 0 to 100.

    None means unknown. `models` are the usual ones, for people.
    """

    name: str
    price_usd: float | None = None
    latency_ms: float | None = None
    quality: float | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RankedPool:
    """A pool in a ranking; `score` is from 0.01 to 1, more is better."""

    facts: PoolFacts
    score: float


def weights_of(strategy: LevelStrategy, custom: Weights = BALANCED) -> Weights:
    """The weights of a strategy."""
    return FIXED.get(strategy, custom)


def ranked(pools: Iterable[PoolFacts], weights: Weights) -> tuple[RankedPool, ...]:
    """The pools, best first; ties go to the cheaper one, then by name. Raises ValueError if all weights are 0."""
    standings = [RankedPool(facts, score(facts, weights)) for facts in pools]
    return tuple(sorted(standings, key=_place))


def score(facts: PoolFacts, weights: Weights) -> float:
    """The weighted geometric mean of price, latency and quality, each rated from 0.01 to 1."""
    parts = ((cheapness(facts), weights.cost), (speed(facts), weights.latency), (goodness(facts), weights.quality))
    total = sum(weight for _, weight in parts)
    if total <= 0 or any(weight < 0 for _, weight in parts):
        raise ValueError("Weights are 0 or more, and not all 0.")
    return round(math.exp(sum(weight * math.log(value) for value, weight in parts) / total), 6)


def cheapness(facts: PoolFacts) -> float:
    """1 for 0.01 USD and less, 0.75 for 0.10, 0.5 for 1, 0.25 for 10, worst from 100."""
    return _on_scale(MIDDLE_USD if facts.price_usd is None else facts.price_usd, MIDDLE_USD, DECADES_OF_PRICE)


def speed(facts: PoolFacts) -> float:
    """1 for 100 ms and less, 0.5 for a second, worst from 10 seconds."""
    return _on_scale(MIDDLE_MS if facts.latency_ms is None else facts.latency_ms, MIDDLE_MS, DECADES_OF_LATENCY)


def goodness(facts: PoolFacts) -> float:
    """Quality as a share of 100."""
    return max(WORST, (MIDDLE_QUALITY if facts.quality is None else facts.quality) / 100)


def _on_scale(value: float, middle: float, decades: int) -> float:
    """Equal factors are equal steps; 0.5 in the middle."""
    if value <= 0:
        return 1.0
    return min(1.0, max(WORST, 0.5 - (math.log10(value) - math.log10(middle)) / decades))


def _place(standing: RankedPool) -> tuple[float, float, str]:
    facts = standing.facts
    return -standing.score, math.inf if facts.price_usd is None else facts.price_usd, facts.name
