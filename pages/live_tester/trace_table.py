"""Stored traces -> the lines of a list, each with its waterfall. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tester.traces.stored import ended_ms, outcome_in
from tester.traces.timeline import seconds
from usage.request_log.waterfall import Step, WaterfallBar, bars_of, steps_of


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One request.

    `moment` is its end, `served_by` the deployment that answered or was tried last ("": none), `colour` the colour name
    of its `provider`.
    """

    index: int
    moment: str
    began: str
    duration_ms: float
    outcome: str
    has_fallen_back: bool
    error_class: str
    served_by: str
    provider: str
    colour: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float
    bars: tuple[WaterfallBar, ...]
    steps: tuple[Step, ...]
    skipped: int


def rows_of(traces: Iterable[Mapping[str, Any]], provider_types: Mapping[str, str]) -> list[TraceRow]:
    """The traces in order; `provider_types` (name -> type) decides the colours."""
    return [_row(trace, provider_types) for trace in traces]


def providers_of(traces: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names of the tried and skipped providers."""
    return {step["provider"] for trace in traces for step in [*trace["attempts"], *_skipped(trace)]}


def _row(trace: Mapping[str, Any], provider_types: Mapping[str, str]) -> TraceRow:
    bars = bars_of(
        trace["attempts"],
        began_ms=trace["at_ms"],
        duration_ms=trace["duration_ms"],
        provider_types=provider_types,
    )
    return TraceRow(
        index=trace["index"],
        moment=seconds(ended_ms(trace)),
        began=seconds(trace["at_ms"]),
        duration_ms=trace["duration_ms"],
        outcome=outcome_in(trace),
        has_fallen_back=trace["fallback_depth"] > 0,
        error_class=trace["error_class"] or "",
        served_by=bars[-1].name if bars else "",
        provider=bars[-1].provider if bars else "",
        colour=bars[-1].colour if bars else "default",
        input_tokens=trace["input_tokens"],
        output_tokens=trace["output_tokens"],
        cost_usd=trace["cost_usd"],
        bars=bars,
        steps=steps_of(bars, _skipped(trace), provider_types),
        skipped=len(_skipped(trace)),
    )


def _skipped(trace: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The skips; runs of older versions have none."""
    return trace.get("skipped") or ()
