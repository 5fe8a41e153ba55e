"""Which hours of a period must be simulated: those around stretches in which requests fail.

All others are quiet: nothing goes wrong in them, so one sample speaks for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.history.stretches import Stretch

HOUR_S = 3600.0
# After an incident breakers stay open for a while; this long the group may still feel it.
RECOVERY_S = 600.0


def struck_hours(stretches: Iterable[Stretch], *, count: int, recovery_s: float = RECOVERY_S) -> set[int]:
    """The numbers of the hours, of `count`, in which requests fail or the group still recovers."""
    struck: set[int] = set()
    for one in stretches:
        first, after = int(one.from_s // HOUR_S), math.ceil((one.until_s + recovery_s) / HOUR_S)
        struck.update(range(first, min(count, after)))
    return struck


def week_starts(starts: datetime, count: int) -> list[int]:
    """The numbers of the hours in which weeks begin: the first, and each Monday at 00:00 UTC."""
    monday = (starts - timedelta(days=starts.weekday())).replace(hour=0)
    to_next = 7 * 24 - int((starts - monday).total_seconds() // HOUR_S)
    return [0, *range(to_next, count, 7 * 24)]


def windows(hours: Iterable[int], cuts: Iterable[int]) -> list[range]:
    """Runs of consecutive hours. One that goes on over a cut is two: a window has at most a week."""
    cut, found = set(cuts), list[range]()
    for hour in sorted(hours):
        if found and found[-1].stop == hour and hour not in cut:
            found[-1] = range(found[-1].start, hour + 1)
        else:
            found.append(range(hour, hour + 1))
    return found
