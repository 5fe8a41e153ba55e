"""Usage, cost and latency from the buckets, for a log of any size (ADR 15).

    asked = AnalyticsQuery(since=period("30d"), team="…") totals(asked), by(asked, "provider"), over_time(asked),
    over_time(asked, by="group")

For several of these make one `UsageReport(asked)`: it reads the tables once.
"""

from __future__ import annotations

from usage.analytics.asked import AnalyticsQuery, FilterOption, Window, choices, period, window_of
from usage.analytics.numbers import DIMENSIONS, Dimension, Point, Totals, UsageLine
from usage.analytics.report import UsageReport, by, over_time, totals

__all__ = [
    "DIMENSIONS",
    "AnalyticsQuery",
    "Dimension",
    "FilterOption",
    "Point",
    "Totals",
    "UsageLine",
    "UsageReport",
    "Window",
    "by",
    "choices",
    "over_time",
    "period",
    "totals",
    "window_of",
]
