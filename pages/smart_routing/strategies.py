"""The strategies and the power levels in words."""

from __future__ import annotations

from dataclasses import dataclass

from groups.routing_rules.power_levels import POWER_LEVELS, LevelStrategy


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
    """A power level in words; `name` is what clients send."""

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
