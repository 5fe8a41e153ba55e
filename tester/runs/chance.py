"""Ranges for people: each number with its median and its range, and which numbers hang on chance. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.rehearsal.ranges import SHARE, Range
from tester.scene.wording import dollars

# A share that differs by more than this between seeds says little about the group.
WIDE = 0.1
# A time or cost whose range is wider than this part of its median.
WIDE_PART = 0.5
PERCENTILES = (50, 95, 99)
LABELS = {
    "success_rate": "success",
    **{f"latency_p{p}_ms": f"latency p{p}" for p in PERCENTILES},
    **{f"ttft_p{p}_ms": f"first token p{p}" for p in PERCENTILES},
    "cost_usd": "cost",
    "fallback_share": "fell back",
    "rescued_share": "rescued",
    "hedged_share": "hedged",
    "refused_share": "refused",
    "left_share": "left",
    "repeated_share": "asked again",
}
NAMED = 3


@dataclass(frozen=True, slots=True)
class RangeLine:
    """One number as text. `is_wide`: it hangs on chance."""

    label: str
    median: str
    span: str
    is_wide: bool


def names_in(result: Mapping[str, Any]) -> dict[str, str]:
    """The deployments' names by id; with the provider where a name is there twice."""
    rows = result["traffic_distribution"]
    names = [row["deployment_name"] for row in rows]
    return {
        row["deployment_id"]: f"{name} ({row['provider']})" if names.count(name) > 1 else name
        for row, name in zip(rows, names, strict=True)
    }


def range_lines(ranges: Mapping[str, Range], names: Mapping[str, str]) -> list[RangeLine]:
    """The shares first, then the other numbers; those that are 0 under every seed are left out."""
    shares = [name for name in ranges if name.startswith(SHARE)]
    others = [name for name in LABELS if name in ranges and (ranges[name].high or name == "success_rate")]
    return [_line(name, ranges[name], names) for name in (*shares, *others)]


def chance_notes(ranges: Mapping[str, Range], names: Mapping[str, str], seeds: int) -> Iterator[str]:
    """A sentence that names the shares which hang on chance, if there are any."""
    wide = [(name, found) for name, found in ranges.items() if _is_share(name) and is_wide(name, found)]
    if not wide:
        return
    widest = sorted(wide, key=lambda one: one[1].low - one[1].high)[:NAMED]
    told = [f"{_label(name, names)} {span_of(name, found)}" for name, found in widest]
    yield f"Some numbers hang on chance. Over {seeds} seeds: {', '.join(told)}. One run says little about them."


def is_wide(name: str, found: Range) -> bool:
    """Whether the number differs so much between seeds that one of them says little."""
    spread = round(found.high - found.low, 6)
    return spread > WIDE if _is_share(name) else spread > WIDE_PART * found.median


def span_of(name: str, found: Range) -> str:
    """`5 to 66 %`; one value where there is no range."""
    low, high = (_text(name, value) for value in (found.low, found.high))
    unit = _unit(name)
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def _line(name: str, found: Range, names: Mapping[str, str]) -> RangeLine:
    median = _text(name, found.median) + _unit(name)
    return RangeLine(_label(name, names), median, span_of(name, found), is_wide(name, found))


def _is_share(name: str) -> bool:
    return name.startswith(SHARE) or name.endswith(("_share", "_rate"))


def _label(name: str, names: Mapping[str, str]) -> str:
    if name.startswith(SHARE):
        key = name.removeprefix(SHARE)
        return f"share of {names.get(key, key)}"
    return LABELS.get(name, name)


def _text(name: str, value: float) -> str:
    if _is_share(name):
        return f"{_floor_tenth(100 * value):g}"
    if name.endswith("_usd"):
        # A small one keeps its digits: the medians and ends of ranges are compared.
        return dollars(value) if value >= 0.001 or not value else f"${value:.6f}"
    return f"{value:,.0f}"


def _floor_tenth(percent: float) -> float:
    """Rounded to a tenth, but never up to 100."""
    rounded = round(percent, 1)
    return 99.9 if rounded >= 100 > percent else rounded


def _unit(name: str) -> str:
    if name.endswith("_usd"):
        return ""
    return " %" if _is_share(name) else " ms"
