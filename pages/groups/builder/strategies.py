"""The seven strategies as cards to choose from."""

from __future__ import annotations

from dataclasses import dataclass

from groups.models import Strategy


@dataclass(frozen=True, slots=True)
class StrategyCard:
    """A strategy with its icon and a sentence that says what it does."""

    strategy: Strategy
    icon: str
    meaning: str


CARDS = (
    StrategyCard(Strategy.PRIORITY_FAILOVER, "list-ordered", "Ordered. Traffic goes to #1 first, falls back on error"),
    StrategyCard(Strategy.WEIGHTED, "percent", "Split traffic by percentage across providers"),
    StrategyCard(Strategy.COST_BASED, "coins", "Route to cheapest provider"),
    StrategyCard(Strategy.LATENCY_BASED, "gauge", "Route to fastest provider"),
    StrategyCard(Strategy.LEAST_BUSY, "activity", "Route to provider with fewest in-flight requests"),
    StrategyCard(Strategy.USAGE_BASED, "chart-column", "Route based on TPM/RPM usage"),
    StrategyCard(Strategy.SIMPLE_SHUFFLE, "repeat", "Even distribution across providers"),
)
