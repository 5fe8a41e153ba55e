"""The strategies and the power levels in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groups.routing_rules.power_levels import AUTO, POWER_LEVELS, LevelStrategy, RankedPool, cheapness, goodness, speed
from usage.health.level_rankings import Rankings


@dataclass(frozen=True, slots=True)
class StrategyCard:
    """A choice on the page."""

    strategy: LevelStrategy
    label: str
    meaning: str
    best_for: str
    icon: str


@dataclass(frozen=True, slots=True)
class LevelText:
    """A power level in words; `name` is the name that clients send."""

    name: str
    label: str
    meaning: str
    uses: tuple[str, ...]
    icon: str


CARDS = (
    StrategyCard(
        LevelStrategy.COST,
        "Cost Optimized",
        "Always use the cheapest available model",
        "High-volume, cost-sensitive workloads",
        "dollar-sign",
    ),
    StrategyCard(
        LevelStrategy.BALANCED, "Balanced", "Balance between cost and quality", "General purpose use", "activity"
    ),
    StrategyCard(
        LevelStrategy.QUALITY,
        "Quality Optimized",
        "Use the best available models",
        "Complex reasoning, high accuracy requirements",
        "brain",
    ),
    StrategyCard(
        LevelStrategy.LATENCY,
        "Latency Optimized",
        "Use the group that answered fastest recently",
        "Chats, autocompletion",
        "zap",
    ),
    StrategyCard(
        LevelStrategy.CUSTOM, "Custom", "Weigh cost, latency and quality yourself", "Those who measure", "settings"
    ),
)
ECO, MEDIUM, PRECISE = POWER_LEVELS
LEVELS = (
    LevelText(
        ECO, "Eco", "Uses the cheapest models", ("High-volume tasks", "Simple queries", "Cost-effective"), "dollar-sign"
    ),
    LevelText(
        MEDIUM,
        "Balanced",
        "Mix of quality and cost",
        ("General purpose use", "Moderate complexity", "Best value"),
        "activity",
    ),
    LevelText(
        PRECISE,
        "Precision",
        "Uses the best available models",
        ("Complex reasoning", "High accuracy", "Premium quality"),
        "brain",
    ),
)


MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """A group in a ranking: its score and the rating of each measure, all from 0 to 100."""

    place: int
    standing: RankedPool
    score: int
    cost: int
    speed: int
    quality: int


@dataclass(frozen=True, slots=True)
class LevelCard:
    """A power level with its current group; None if there is none."""

    text: LevelText
    first: RankedPool | None

    @property
    def own(self) -> str:
        """The level's name in people's own settings."""
        return self.text.name.removeprefix(f"{AUTO}-")


def measures_of(standings: Sequence[RankedPool]) -> list[Measured]:
    """The measures of the best groups of a ranking."""
    return [_measured(place, standing) for place, standing in enumerate(standings[:MOST_SHOWN], start=1)]


def level_cards(rankings: Rankings) -> list[LevelCard]:
    """The three power levels."""
    return [LevelCard(text, next(iter(rankings[text.name]), None)) for text in LEVELS]


def _measured(place: int, standing: RankedPool) -> Measured:
    good = (cheapness(standing.facts), speed(standing.facts), goodness(standing.facts))
    return Measured(place, standing, *(round(100 * value) for value in (standing.score, *good)))
