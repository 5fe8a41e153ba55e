"""Hours in which a channel is not told, by the clock of a time zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` until before `end`, over midnight if the end is the earlier one."""

    start: time
    end: time
    zone: str = "UTC"

    def ends_at(self, now: datetime) -> datetime | None:
        """The end of the quiet hours that run now, in UTC; None outside of them."""
        here = now.astimezone(ZoneInfo(self.zone))
        if not self._has(here.time()):
            return None
        ends = datetime.combine(here.date(), self.end, here.tzinfo)
        if self.end <= here.time():
            ends = datetime.combine(here.date() + timedelta(days=1), self.end, here.tzinfo)
        return ends.astimezone(UTC)

    def _has(self, clock: time) -> bool:
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end
