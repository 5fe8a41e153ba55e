"""Formats shares, in sentences and on pages."""

from __future__ import annotations

from lib.typography import THIN


def percent(share: float | None) -> str:
    """`99.7 %` of a share from 0 to 1; never `100 %` or `0 %` for a share that is not exactly that; `–` if unknown."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{100 * share:.0f}{THIN}%"
    return f"{min(99.9, max(0.1, 100 * share)):.1f}{THIN}%"
