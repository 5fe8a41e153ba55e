"""The attempts of one test as bars over time. Pure geometry: no HTML, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.trials import RoutingTrace, Trial
from providers.colours import colour_of

WIDTH = 1000
THINNEST = 6
CAUSES = {"error": "It failed", "rate_limit": "It was rate limited", "timeout": "It timed out"}
VERBS = {"retry": "so the router tried again in this tier", "fallback": "so the router went to the next tier or group"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt, `x` and `width` in thousandths of the whole request."""

    number: int
    trace: RoutingTrace
    colour: str
    x: int
    width: int

    @property
    def has_succeeded(self) -> bool:
        return self.trace.status == "success"

    @property
    def initial(self) -> str:
        return self.trace.provider[:1].upper()

    @property
    def moved_on(self) -> str:
        """The ledger's `retry_…` or `fallback_…` as a sentence; "" on the last attempt."""
        word = self.trace.moved_on_because or ""
        verb, _, cause = word.partition("_")
        return f"{CAUSES[cause]}, {VERBS[verb]}." if verb in VERBS and cause in CAUSES else word


def bars_of(result: Trial, provider_types: Mapping[str, str]) -> tuple[Bar, ...]:
    """The attempts over time, pauses between them left free; `provider_types` (name -> type) decides the colours."""
    whole_ms = max([result.total_latency_ms, 1.0, *(t.started_ms + t.latency_ms for t in result.traces)])
    return tuple(_bar(number, trace, provider_types, whole_ms) for number, trace in enumerate(result.traces, start=1))


def _bar(number: int, trace: RoutingTrace, provider_types: Mapping[str, str], whole_ms: float) -> Bar:
    x, width = _span(max(0.0, trace.started_ms) / whole_ms, trace.latency_ms / whole_ms)
    return Bar(number, trace, colour_of(provider_types.get(trace.provider, ""), trace.provider), x, width)


def _span(start: float, length: float) -> tuple[int, int]:
    """Never thinner than the eye can see, never beyond the right edge."""
    width = max(round(WIDTH * length), THINNEST)
    return min(round(WIDTH * start), WIDTH - width), width
