"""Numbers as the picture writes them. Pure."""

from __future__ import annotations

from lib.typography import THIN

NONE = "–"


def percent(value: float) -> str:
    """In whole percent: 43 %."""
    return f"{value:.0f}{THIN}%"


def success(finished: int, failed: int) -> str:
    """A success rate that never rounds up to 100 %, nor down to 0 %; requests that were refused, or left by
    their callers, are in neither number."""
    if not finished:
        return NONE
    tenths = 1000 * (finished - failed) // finished
    if failed == 0 or tenths == 0:
        return f"100{THIN}%" if failed == 0 else f"0{THIN}%" if failed == finished else f"<0.1{THIN}%"
    return f"{tenths / 10:g}{THIN}%"


def milliseconds(value: float | None) -> str:
    """149 ms, or seconds from 10 s on."""
    if value is None:
        return NONE
    return f"{value:,.0f}{THIN}ms" if value < 9_999.5 else f"{value / 1000:.1f}{THIN}s"


def dollars(value: float) -> str:
    """$0.111: three significant digits below a dollar."""
    if not value:
        return "$0"
    if value >= 1:
        return f"${value:,.2f}"
    return f"${value:.3f}" if value >= 0.0005 else "<$0.001"


def aside(refused: int, left: int) -> str:
    """The requests that are in no success rate, "" for none: `3 refused, 2 left`."""
    return ", ".join(f"{count:,} {how}" for count, how in ((refused, "refused"), (left, "left")) if count)
