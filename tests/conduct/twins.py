"""The same traffic live and rehearsed, with the same draws: each request must go the same way."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conduct.stories import STRATEGIES, every
from tests.conduct.table import Seen, Shape

SEED = 1
# Longer than a twin takes: five of them begin within a minute, so that none sees the end of one.
SLOT_S = 12.0
UPSTREAMS = "A=slow(0.03)*3,503*3,slow(0.03) B=slow(0.11)*4,429(1),slow(0.11) C=slow(0.37)*2,500,slow(0.37)"


@dataclass(frozen=True)
class Twin:
    """Thirty requests with faults, limits and a fallback group."""

    strategy: str
    is_stream: bool

    @property
    def name(self) -> str:
        return f"twins of {self.strategy}{', streamed' if self.is_stream else ''}"

    @property
    def shape(self) -> Shape:
        tiers = {"priority-failover": "A!9 B / C!8", "weighted": "A*5!9 B*3!12 C*2!8"}
        return Shape(tiers.get(self.strategy, "A!9 B!12 C!8"), self.strategy, general=("D*1",))

    @property
    def upstreams(self) -> str:
        return UPSTREAMS

    @property
    def at_s(self) -> tuple[float, ...]:
        return every(0.29, 8.7)


def way_of(seen: Seen) -> list[str]:
    """Where a request went, and who was passed over."""
    return [seen.sees, " ".join(seen.attempts), *sorted(name for name, _ in seen.skips)]


# The first tokens of real streams take the machine's time, by which latency-based routing picks.
TWINS = tuple(
    Twin(strategy, is_stream)
    for strategy in STRATEGIES
    for is_stream in (False, True)
    if not (is_stream and strategy == "latency-based-routing")
)
