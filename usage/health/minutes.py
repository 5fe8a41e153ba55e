"""All requests of the last two hours by the minute: the same cost for any number of groups and any size of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.outcomes import success_rate
from usage.health.recent import ANSWERS, FELL_BACK, LATENCY, NANO, NANO_USD, REQUESTS, TOTAL
from usage.models import RecentCount
from usage.rollups.latency_levels import percentile_ms

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class MinuteSums:
    """The requests that ended in the minute from `start` on, or in several minutes from then on.

    `answered` and `failed` are those of `requests` that count for success; `levels` are the latencies of the answered.
    """

    start: datetime
    requests: int = 0
    answered: int = 0
    failed: int = 0
    fell_back: int = 0
    cost_usd: float = 0.0
    levels: Counter[int] = field(default_factory=Counter)

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; None without an answered or failed request."""
        return success_rate(self.answered, self.failed)

    @property
    def p95_ms(self) -> float | None:
        """Of the answered requests."""
        return percentile_ms(self.levels, 0.95)

    def add(self, subject: str, name: str, good: int, bad: int) -> None:
        """Takes in one count."""
        if subject == REQUESTS:
            self.requests += good
        elif subject == ANSWERS:
            self.answered, self.failed = self.answered + good, self.failed + bad
        elif subject == FELL_BACK:
            self.fell_back += good
        elif subject == NANO_USD:
            self.cost_usd += good / NANO
        elif subject == LATENCY:
            self.levels[int(name)] += good


def minutes_until(now: datetime, count: int) -> list[MinuteSums]:
    """The last minutes, oldest first, the current one last; one query."""
    current = now.replace(second=0, microsecond=0)
    found = [MinuteSums(current - MINUTE * (count - 1 - place)) for place in range(count)]
    rows = RecentCount.objects.filter(kind=TOTAL, start__gte=found[0].start).order_by()
    for start, subject, name, good, bad in rows.values_list("start", "subject", "name", "good", "bad"):
        found[min((start - found[0].start) // MINUTE, count - 1)].add(subject, name, good, bad)
    return found


def together(minutes: Iterable[MinuteSums], start: datetime) -> MinuteSums:
    """The sum of several minutes. Pure."""
    whole = MinuteSums(start)
    for one in minutes:
        whole.requests += one.requests
        whole.answered += one.answered
        whole.failed += one.failed
        whole.fell_back += one.fell_back
        whole.cost_usd += one.cost_usd
        whole.levels.update(one.levels)
    return whole
