"""The figures above the charts, each compared with the previous period. Data only, no HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pages.formats import cost, ms, short
from usage.analytics import Totals
from usage.analytics.provider_stats import percent_more
from usage.percents import percent
from usage.rollups.tallies import COLUMN_OF_UNIT


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: short, exact ("" if the same), its parts, and its change in percent.

    `icon` and `tint` are its look; `change` is None without a comparison.
    """

    name: str
    icon: str
    tint: str
    text: str
    exact: str = ""
    note: str = ""
    change: int | None = None


def figures_of(
    now: Totals, before: Totals | None, over: float = 1.0, *, of_attempts: bool = False
) -> tuple[Figure, ...]:
    """All six. `before` is the previous period of the same length, None without one.

    `over` is the elapsed share of the current one, 0 to 1: sums are compared with that share of the previous one.
    `of_attempts`: the figures are for a provider or a model, whose success is counted by attempts.
    """
    return (
        *core_figures(now, before, over),
        _success_of_attempts(now, before) if of_attempts else _success(now, before),
        Figure(
            "Latency p50",
            "timer",
            "f-blue",
            _ms(now.p50_ms),
            note=f"p95 {_ms(now.p95_ms)}",
            change=_change(now, before, lambda totals: totals.p50_ms),
        ),
        Figure(
            "Saved by BYOK",
            "key-round",
            "f-violet",
            cost(now.saved_usd),
            f"${now.saved_usd:,.6f}",
            f"{now.own_key_requests:,} request{'' if now.own_key_requests == 1 else 's'}",
            _change(now, before, lambda totals: totals.saved_usd, over),
        ),
    )


def _success(now: Totals, before: Totals | None) -> Figure:
    change = _change(now, before, lambda totals: totals.success_rate)
    note = f"{now.failures:,} failed"
    return Figure("Success rate", "circle-check", "f-green", percent(now.success_rate), note=note, change=change)


def _success_of_attempts(now: Totals, before: Totals | None) -> Figure:
    change = _change(now, before, lambda totals: totals.attempt_success_rate)
    note = f"{now.failed_attempts:,} of {now.attempts:,} attempts failed"
    rate = percent(now.attempt_success_rate)
    return Figure("Success rate", "circle-check", "f-green", rate, note=note, change=change)


def core_figures(now: Totals, before: Totals | None, over: float = 1.0) -> tuple[Figure, ...]:
    """Requests, tokens and cost: the figures for everybody."""
    return (
        Figure(
            "Requests",
            "activity",
            "f-green",
            short(now.requests),
            f"{now.requests:,}",
            f"{short(now.refused)} refused, {short(now.left)} left",
            _change(now, before, lambda totals: totals.requests, over),
        ),
        Figure(
            "Tokens",
            "coins",
            "f-violet",
            short(now.total_tokens),
            _exact_tokens(now),
            ", ".join((_parts_of(now), *(units_text(*one) for one in now.units.items()))),
            _change(now, before, lambda totals: totals.total_tokens, over),
        ),
        Figure(
            "Cost",
            "dollar-sign",
            "f-amber",
            cost(now.cost_usd),
            f"${now.cost_usd:,.6f}",
            f"{cost(now.cost_usd / now.requests)} a request" if now.requests else "",
            _change(now, before, lambda totals: totals.cost_usd, over),
        ),
    )


def _change(
    now: Totals, before: Totals | None, value: Callable[[Totals], float | None], over: float = 1.0
) -> int | None:
    new, old = value(now), value(before) if before else None
    return None if new is None or old is None else percent_more(new, over * old)


def _parts_of(totals: Totals) -> str:
    return f"{short(totals.input_tokens)} in, {short(totals.output_tokens)} out, {short(totals.cached_tokens)} cached"


def units_text(unit: str, count: float) -> str:
    """What is charged besides tokens: `3 images`, `12.5 seconds`; empty without a unit."""
    name = unit if count == 1 else COLUMN_OF_UNIT.get(unit, unit)
    number = short(count) if count >= 1000 else f"{round(count, 2):g}"
    return f"{number} {name}" if unit else ""


def _exact_tokens(totals: Totals) -> str:
    return (
        f"{totals.total_tokens:,}: {totals.input_tokens:,} in, of which {totals.cached_tokens:,} cached; "
        f"{totals.output_tokens:,} out, of which {totals.reasoning_tokens:,} reasoning"
    )


def _ms(duration_ms: float | None) -> str:
    return "–" if duration_ms is None else ms(duration_ms)
