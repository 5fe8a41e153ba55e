"""Incidents -> the share of requests that fail over time. Times are seconds since the period's start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from engine.history.incidents import Incident


class Stretch(NamedTuple):
    """From one second to another (exclusive) this share of a service's requests fails."""

    from_s: float
    until_s: float
    share: float


def stretches_of(
    incidents: Iterable[Incident], shares: Mapping[str, float], *, starts: datetime, ends: datetime
) -> tuple[Stretch, ...]:
    """What the incidents of one service come to, in order.

    Where several are open at once, the highest share counts: pages open a second incident for another symptom of the
    same trouble, so adding them up would count it twice. An open one lasts until the period's end.
    """
    span_s = (ends - starts).total_seconds()
    changes: list[tuple[float, int, float]] = []
    for incident in incidents:
        from_s = max(0.0, (incident.start - starts).total_seconds())
        until_s = span_s if incident.end is None else min(span_s, (incident.end - starts).total_seconds())
        if (share := shares[incident.impact]) > 0 and from_s < until_s:
            changes += [(from_s, 1, share), (until_s, -1, share)]
    return _merged(_highest(changes))


def _highest(changes: list[tuple[float, int, float]]) -> Iterable[Stretch]:
    """The highest open share between each two changes."""
    is_open = Counter[float]()
    moments = sorted(changes)
    for (at_s, step, share), after in pairwise([*moments, (float("inf"), 0, 0.0)]):
        is_open[share] += step
        highest = max((one for one, count in is_open.items() if count > 0), default=0.0)
        if highest and at_s < after[0]:
            yield Stretch(at_s, after[0], highest)


def _merged(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    merged: list[Stretch] = []
    for one in stretches:
        if merged and merged[-1].until_s == one.from_s and merged[-1].share == one.share:
            merged[-1] = merged[-1]._replace(until_s=one.until_s)
        else:
            merged.append(one)
    return tuple(merged)
