"""Who used what, what it cost, how long it took: questions to the buckets, whatever the size of the log (ADR 15).

    asked = Asked(since=period("30d"), team="…")
    totals(asked), by(asked, "provider"), over_time(asked), over_time(asked, by="group")

Whoever asks more than one of these makes one `Report(asked)`: it reads the tables once for all of them.
"""

from __future__ import annotations

from usage.analytics.asked import Asked, Choice, Window, choices, period, window_of
from usage.analytics.numbers import DIMENSIONS, Dimension, Line, Point, Totals
from usage.analytics.report import Report, by, over_time, totals

__all__ = [
    "DIMENSIONS",
    "Asked",
    "Choice",
    "Dimension",
    "Line",
    "Point",
    "Report",
    "Totals",
    "Window",
    "by",
    "choices",
    "over_time",
    "period",
    "totals",
    "window_of",
]
