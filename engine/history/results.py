"""Courses of all seeds -> the answer: availability, weeks, and the worst times. Names are those of the REST API.

Availability is answered / (answered + failed), as everywhere. Numbers are means over the seeds; `ranges` have the
lowest, the median and the highest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Any

from engine.history.hours import HOUR_S
from engine.history.jobs import HistoryJob, Subject
from engine.history.rehearsing import Count, Course, rehearse

MOST_WORST = 20
# Fewer lost requests than this, over all seeds, are no bad time.
LEAST_LOST = 0.05


def history_of(job: HistoryJob, *, should_stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Rehearses the period in this process with every seed: through the group, and with each of its providers alone.

    Raises Stopped.
    """
    courses: dict[Subject, list[Course]] = {names: [] for names in job.subjects}
    for seed in job.seed_numbers:
        for names, found in courses.items():
            found.append(rehearse(job, names, seed, should_stop=should_stop))
    return answer_of(job, courses)


def answer_of(job: HistoryJob, courses: Mapping[Subject, Sequence[Course]]) -> dict[str, Any]:
    """The answer after as many seeds as there are courses of each subject."""
    by_subject = {names: Courses(job, found) for names, found in courses.items()}
    group = by_subject[job.providers]
    return _answer(job, group, {name: by_subject[(name,)] for name in job.providers})


class Courses:
    """What came of one set of providers, over all seeds."""

    def __init__(self, job: HistoryJob, courses: Sequence[Course]) -> None:
        self._job, self._courses = job, courses

    @property
    def seeds(self) -> list[int]:
        """Those that it has."""
        return list(self._job.seed_numbers[: len(self._courses)])

    def lost(self, hours: Sequence[int]) -> list[float]:
        """Failed requests of these hours, by seed."""
        return [sum(_of(course, hour).failed for hour in hours) for course in self._courses]

    def availability(self, hours: Sequence[int]) -> list[float]:
        """By seed; 1 for a period without any request that counts."""
        return [_availability([_of(course, hour) for hour in hours]) for course in self._courses]

    def cost_usd(self) -> list[float]:
        """Of the whole period at the prices of today, by seed."""
        return [
            course.cost_usd + course.quiet_cost_usd / course.quiet_hours * (self._job.hours - len(course.hours))
            for course in self._courses
        ]


def _of(course: Course, hour: int) -> Count:
    if (count := course.hours.get(hour)) is not None:
        return count
    quiet, of = course.quiet, course.quiet_hours
    return Count(quiet.answered / of, quiet.failed / of)


def _availability(counts: Iterable[Count]) -> float:
    answered = failed = 0.0
    for count in counts:
        answered, failed = answered + count.answered, failed + count.failed
    return answered / (answered + failed) if answered + failed else 1.0


def _answer(job: HistoryJob, group: Courses, alone: Mapping[str, Courses]) -> dict[str, Any]:
    every = range(job.hours)
    availability, lost, cost = group.availability(every), group.lost(every), group.cost_usd()
    by_provider = {name: one.availability(every) for name, one in alone.items()}
    return {
        "from": _moment(job, 0),
        "until": _moment(job, job.hours),
        "availability": _share(availability),
        "ranges": {
            "availability": _range(availability, 6),
            "lost": _range(lost, 1),
            "cost_usd": _range(cost, 6),
            **{f"alone:{name}": _range(values, 6) for name, values in by_provider.items()},
        },
        "alone": {name: _share(values) for name, values in by_provider.items()},
        "requests": job.requests_per_hour * job.hours,
        "lost": round(fmean(lost), 1),
        "cost_usd": round(fmean(cost), 6),
        "weeks": [_week(job, hours, group, alone) for hours in _weeks(job)],
        "worst": _worst(job, group),
        "seeds": group.seeds,
    }


def _weeks(job: HistoryJob) -> list[range]:
    return [range(first, after) for first, after in zip(job.weeks, [*job.weeks[1:], job.hours], strict=True)]


def _week(job: HistoryJob, hours: range, group: Courses, alone: Mapping[str, Courses]) -> dict[str, Any]:
    return {
        "starts": _moment(job, hours.start),
        "availability": _share(group.availability(hours)),
        "alone": {name: _share(one.availability(hours)) for name, one in alone.items()},
        "requests": job.requests_per_hour * len(hours),
        "lost": round(fmean(group.lost(hours)), 1),
    }


def _worst(job: HistoryJob, group: Courses) -> list[dict[str, Any]]:
    """Consecutive hours in which requests were lost while the same services were down, the worst first."""
    found: list[tuple[list[int], float, tuple[str, ...]]] = []
    for window in job.windows(job.providers):
        for hour in window:
            lost, down = fmean(group.lost([hour])), _down(job, hour)
            if lost < LEAST_LOST:
                continue
            if found and found[-1][0][-1] == hour - 1 and found[-1][2] == down:
                hours, before, _ = found[-1]
                found[-1] = [*hours, hour], before + lost, down
            else:
                found.append(([hour], lost, down))
    found.sort(key=lambda one: (-one[1], one[0][0]))
    return [
        {
            "from": _moment(job, hours[0]),
            "until": _moment(job, hours[-1] + 1),
            "lost": round(lost, 1),
            "down": list(down),
        }
        for hours, lost, down in found[:MOST_WORST]
    ]


def _down(job: HistoryJob, hour: int) -> tuple[str, ...]:
    """The services of the group's providers of which requests failed in this hour."""
    zero_s, ends_s = hour * HOUR_S, (hour + 1) * HOUR_S
    names = {job.services[name] for name in job.providers if name in job.services}
    return tuple(
        name
        for name in sorted(names)
        if any(one.from_s < ends_s and one.until_s > zero_s for one in job.stretches[name])
    )


def _moment(job: HistoryJob, hour: int) -> str:
    moment: datetime = job.starts + timedelta(hours=hour)
    return moment.strftime("%Y-%m-%dT%H:%MZ")


def _share(values: Sequence[float]) -> float:
    return round(fmean(values), 6)


def _range(values: Sequence[float], digits: int) -> list[float]:
    return [round(value, digits) for value in (min(values), median(values), max(values))]
