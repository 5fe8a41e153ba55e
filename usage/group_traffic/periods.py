"""The counts of a group in a period -> its traffic: outcomes, latencies, deployments, and the ways of its requests."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, Sum

from engine.outcomes import Outcome, success_rate
from usage.group_traffic.tallying import LONG_S, SHORT_S, Measure, name_of, slice_start
from usage.models import GroupCount
from usage.rollups.latency_levels import percentile_ms

Row = tuple[str, int, float]
Flow = tuple[str | None, str, str]
OUTCOMES = {name_of(Measure.OUTCOME, outcome.value): outcome for outcome in Outcome}
FELL_BACK = name_of(Measure.FELL_BACK)
LATENCIES = f"{name_of(Measure.LATENCY)[:-1]},"
# Attempts of the last minute decide the state of a deployment.
RECENT = timedelta(seconds=60)


@dataclass(slots=True)
class DeploymentTraffic:
    """Attempts at one deployment that count; `errors` by class, `skipped` by reason. Latency in milliseconds."""

    answered: int = 0
    latency_sum_ms: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.errors.total()

    @property
    def tried(self) -> int:
        return self.answered + self.failed

    @property
    def latency_ms(self) -> float | None:
        """The mean of its answers."""
        return self.latency_sum_ms / self.answered if self.answered else None


@dataclass(slots=True)
class GroupTraffic:
    """The traffic of a group in a period.

    `outcomes` are its requests by outcome; `fell_back` are those that a later tier or group was asked for, `untried`
    failed without an attempt, `causes` are the error classes of failed ones. `flows` as in a rehearsal's result.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    latency_sum_ms: float = 0.0
    cost_usd: float = 0.0
    fell_back: int = 0
    untried: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    deployments: dict[str, DeploymentTraffic] = field(default_factory=dict)
    flows: Counter[Flow] = field(default_factory=Counter)
    latencies: Counter[int] = field(default_factory=Counter)
    first_tokens: Counter[int] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """All of them, in any way they ended."""
        return self.outcomes.total()

    @property
    def answered(self) -> int:
        return self.outcomes[Outcome.ANSWERED]

    @property
    def failed(self) -> int:
        return self.outcomes[Outcome.FAILED]

    @property
    def streams(self) -> int:
        """Answered requests with a first token."""
        return self.first_tokens.total()

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; None without an answered or failed request."""
        return success_rate(self.answered, self.failed)

    @property
    def latency_ms(self) -> float | None:
        """The mean over answered requests."""
        return self.latency_sum_ms / self.answered if self.answered else None

    def latency_at(self, share: float) -> float | None:
        """A percentile over answered requests, in milliseconds."""
        return percentile_ms(self.latencies, share)

    def first_token_at(self, share: float) -> float | None:
        """A percentile over answered streams, in milliseconds."""
        return percentile_ms(self.first_tokens, share)

    def at(self, deployment_id: str) -> DeploymentTraffic:
        """The attempts at a deployment, none if it was not asked."""
        return self.deployments.setdefault(deployment_id, DeploymentTraffic())


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment on and before another one, both at the edges of slices."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


def last(length: timedelta, *, now: datetime) -> Period:
    """The last minutes, up to and with the current slice."""
    start = slice_start(SHORT_S, (now - length).timestamp())
    end = slice_start(SHORT_S, now.timestamp()) + SHORT_S
    return Period(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))


def slice_at(moment: datetime) -> Period:
    """The long slice in which a moment lies."""
    start = datetime.fromtimestamp(slice_start(LONG_S, moment.timestamp()), UTC)
    return Period(start, start + timedelta(seconds=LONG_S))


def traffic_in(group: str, period: Period) -> GroupTraffic:
    """The traffic of a group by its name; one query."""
    rows = GroupCount.objects.filter(model_group=group, start__gte=period.since, start__lt=period.until)
    summed = rows.order_by().values_list("what").annotate(sum_count=Sum("count"), sum_total=Sum("total"))
    return traffic_of(summed)


def traffic_and_recent(group: str, period: Period) -> tuple[GroupTraffic, GroupTraffic]:
    """The traffic in a period, and that of its last minute; one query."""
    rows = GroupCount.objects.filter(model_group=group, start__gte=period.since, start__lt=period.until)
    is_recent = Q(start__gte=period.until - RECENT)
    summed = (
        rows.order_by()
        .values_list("what")
        .annotate(
            sum_count=Sum("count"),
            sum_total=Sum("total"),
            recent_count=Sum("count", filter=is_recent, default=0),
            recent_total=Sum("total", filter=is_recent, default=0.0),
        )
    )
    found = list(summed)
    recent = [(what, count, total) for what, _, _, count, total in found if count]
    return traffic_of((what, count, total) for what, count, total, *_ in found), traffic_of(recent)


def latencies_at(share: float, groups: Collection[str], period: Period) -> dict[str, float]:
    """A percentile over the answered requests of each group with any, in milliseconds; one query, or none."""
    levels: dict[str, Counter[int]] = defaultdict(Counter)
    rows = GroupCount.objects.filter(model_group__in=groups, start__gte=period.since, start__lt=period.until)
    rows = rows.filter(what__startswith=LATENCIES).order_by()
    for group, what, count in rows.values_list("model_group", "what").annotate(Sum("count")) if groups else ():
        levels[group][json.loads(what)[1]] += count
    return {group: at for group, found in levels.items() if (at := percentile_ms(found, share)) is not None}


def traffic_of(rows: Iterable[Row]) -> GroupTraffic:
    """The same from rows of `(what, count, total)`. Pure."""
    traffic = GroupTraffic()
    for what, count, total in rows:
        measure, *subjects = json.loads(what)
        _add(traffic, measure, subjects, count, total)
    return traffic


def _add(traffic: GroupTraffic, measure: str, subjects: list[Any], count: int, total: float) -> None:
    match measure:
        case Measure.OUTCOME:
            traffic.outcomes[Outcome(subjects[0])] += count
            if subjects[0] == Outcome.ANSWERED:
                traffic.latency_sum_ms += total
        case Measure.LATENCY:
            traffic.latencies[subjects[0]] += count
        case Measure.FIRST_TOKEN:
            traffic.first_tokens[subjects[0]] += count
        case Measure.COST:
            traffic.cost_usd += total
        case Measure.FELL_BACK:
            traffic.fell_back += count
        case Measure.UNTRIED:
            traffic.untried += count
        case Measure.CAUSE:
            traffic.causes[subjects[0]] += count
        case Measure.ANSWERED_BY:
            traffic.at(subjects[0]).answered += count
            traffic.at(subjects[0]).latency_sum_ms += total
        case Measure.ERROR:
            traffic.at(subjects[0]).errors[subjects[1]] += count
        case Measure.SKIPPED:
            traffic.at(subjects[0]).skipped[subjects[1]] += count
        case Measure.FLOW:
            before, after, why = subjects
            traffic.flows[before, after, why] += count


@dataclass(slots=True)
class DaySlice:
    """Ten minutes of the day by outcome, and how many of their requests fell back."""

    since: datetime
    until: datetime
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    fell_back: int = 0

    @property
    def requests(self) -> int:
        return self.outcomes.total()

    @property
    def failed(self) -> int:
        return self.outcomes[Outcome.FAILED]


def day_until(group: str, now: datetime) -> list[DaySlice]:
    """The last 24 hours in slices of ten minutes, oldest first, the current one last; one query."""
    step = timedelta(seconds=LONG_S)
    first = slice_at(now).since - timedelta(hours=24) + step
    slices = [DaySlice(first + step * n, first + step * (n + 1)) for n in range(144)]
    rows = GroupCount.objects.filter(model_group=group, start__gte=first, what__in=[*OUTCOMES, FELL_BACK])
    for start, what, count in rows.order_by().values_list("start", "what", "count"):
        place = slices[min((start - first) // step, len(slices) - 1)]
        if what == FELL_BACK:
            place.fell_back += count
        else:
            place.outcomes[OUTCOMES[what]] += count
    return slices
