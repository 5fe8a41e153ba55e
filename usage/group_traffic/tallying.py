"""Finished requests -> counts by group, slice and measure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from django.db import connection
from django.db.transaction import atomic
from django.utils import timezone

from engine.ledger import Hedge, SkipReason
from engine.outcomes import Outcome
from usage.models import GroupCount, RequestRecord
from usage.request_log.attempts import has_failed
from usage.request_log.finished import Finished
from usage.rollups.adding import add_to, keep_writers_out
from usage.rollups.latency_levels import level_of

# Plain texts: members of an enumeration take longer to look up and to compare.
ANSWERED, FAILED = Outcome.ANSWERED.value, Outcome.FAILED.value
LOST_HEDGE, NOT_NEEDED = Hedge.LOST.value, SkipReason.NOT_NEEDED.value
# Short slices become long ones when they are so old; both are multiples of their length in Unix seconds.
SHORT_S, LONG_S = 10, 600
SHORT_FOR, KEPT_FOR = timedelta(hours=1), timedelta(hours=49)
LONGEST = 64
PRIMARY, FELL_BACK = "primary", "fallback_error"


class Measure(StrEnum):
    """What is counted; the subjects are in parentheses."""

    OUTCOME = "outcome"  # (outcome), with the milliseconds
    LATENCY = "latency"  # (level) of answered requests
    FIRST_TOKEN = "first_token"  # noqa: S105  # (level) of answered streams
    COST = "cost"  # US dollars that our own provider keys cost
    FELL_BACK = "fell_back"  # answered or not
    UNTRIED = "untried"  # failed without an attempt
    CAUSE = "cause"  # (error class) of failed requests
    ANSWERED_BY = "answered_by"  # (deployment), with the milliseconds of the attempt
    ERROR = "error"  # (deployment, error class) of failed attempts
    FLOW = "flow"  # (from, to, why): the first attempt of a request, and each move to another tier or group
    SKIPPED = "skipped"  # (deployment, reason)

    # The text's own: that of an enumeration is written in Python, and each request looks up half a dozen.
    __hash__ = str.__hash__


class Slice(NamedTuple):
    """The key of a row; `start` is in Unix seconds."""

    model_group: str
    start: int
    what: str


Numbers = list[float]
Counted = tuple[str, float]


def count_groups(requests: Iterable[Finished]) -> None:
    """Adds requests that have just ended, in the caller's transaction; one statement."""
    _add(counts_of(requests, now=timezone.now()))


def _add(found: Mapping[Slice, Numbers]) -> None:
    adapt = connection.ops.adapt_datetimefield_value
    starts = {start: adapt(datetime.fromtimestamp(start, UTC)) for start in {part.start for part in found}}
    rows = sorted((group, starts[start], what, *numbers) for (group, start, what), numbers in found.items())
    add_to(GroupCount, ("model_group", "start", "what"), ("count", "total"), rows)


def counts_of(requests: Iterable[Finished], *, now: datetime) -> dict[Slice, Numbers]:
    """The count and the total of each slice; without requests that began before the retention time. Pure."""
    parts: dict[tuple[str, int], dict[str, Numbers]] = defaultdict(dict)
    oldest = (now - KEPT_FOR).timestamp()
    for request in requests:
        began = request.started_at.timestamp()
        if not request.model_group or began < oldest:
            continue
        part = parts[request.model_group[:256], slice_start(SHORT_S, began)]
        for what, total in _counted(request):
            if (numbers := part.get(what)) is None:
                part[what] = [1, total]
            else:
                numbers[0] += 1
                numbers[1] += total
    return {Slice(*key, what): numbers for key, part in parts.items() for what, numbers in part.items()}


def slice_start(length_s: int, moment_s: float) -> int:
    """The beginning of the slice in which a moment lies, in Unix seconds."""
    return int(moment_s // length_s) * length_s


@lru_cache(maxsize=4096)
def name_of(measure: Measure, *subjects: str | int | None) -> str:
    """The text of a measure and its subjects, which are cut so that it fits into its column."""
    cut = (subject[:LONGEST] if isinstance(subject, str) else subject for subject in subjects)
    return json.dumps([measure.value, *cut], separators=(",", ":"), ensure_ascii=False)


def _counted(request: Finished) -> Iterator[Counted]:
    yield name_of(Measure.OUTCOME, request.outcome), request.duration_ms
    if request.outcome == ANSWERED:
        yield name_of(Measure.LATENCY, level_of(request.duration_ms)), 0.0
        if request.first_token_ms is not None:
            yield name_of(Measure.FIRST_TOKEN, level_of(request.first_token_ms)), 0.0
    elif request.outcome == FAILED:
        yield name_of(Measure.CAUSE, request.error_class), 0.0
        if not request.attempts:
            yield name_of(Measure.UNTRIED), 0.0
    if request.cost_usd and not request.is_own_key:
        yield name_of(Measure.COST), request.cost_usd
    if request.fell_back:
        yield name_of(Measure.FELL_BACK), 0.0
    for attempt in request.attempts:
        yield from _tried(attempt)
    yield from _flows(request.attempts, request.skipped)
    for skip in request.skipped:
        if skip["reason"] != NOT_NEEDED:
            yield name_of(Measure.SKIPPED, skip.get("deployment_id"), skip["reason"]), 0.0


def _tried(attempt: Mapping[str, Any]) -> Iterator[Counted]:
    """Attempts that say nothing of their deployment are not counted, as in its provider's health."""
    failed = None if attempt.get("hedge") == LOST_HEDGE else has_failed(attempt)
    if failed is None:
        return
    deployment = attempt.get("deployment_id")
    if failed:
        error = attempt.get("error_class") or attempt["status"]
        yield name_of(Measure.ERROR, deployment, error), 0.0
    else:
        yield name_of(Measure.ANSWERED_BY, deployment), attempt.get("duration_ms") or 0.0


def _flows(attempts: Sequence[Mapping[str, Any]], skipped: Sequence[Mapping[str, Any]]) -> Iterator[Counted]:
    """As those of a rehearsal (`engine/rehearsal/results.py`)."""
    if not attempts:
        return
    first = attempts[0]
    yield name_of(Measure.FLOW, None, first.get("deployment_id"), _why_first(first, skipped)), 0.0
    for before, after in pairwise(attempts):
        if _place(before) != _place(after):
            why = before.get("moved_on_because") or FELL_BACK
            yield name_of(Measure.FLOW, before.get("deployment_id"), after.get("deployment_id"), why), 0.0


def _place(attempt: Mapping[str, Any]) -> tuple[Any, Any]:
    return attempt.get("model_group"), attempt.get("tier")


def _why_first(first: Mapping[str, Any], skipped: Sequence[Mapping[str, Any]]) -> str:
    if not first.get("fallback_depth"):
        return PRIMARY
    cause = next((str(skip.get("cause") or skip["reason"]) for skip in skipped if skip["reason"] != NOT_NEEDED), "")
    return "fallback_rate_limit" if cause.endswith(("429", "rate_limited")) else FELL_BACK


def shrink_groups() -> None:
    """Makes old short slices long ones, and deletes what is older than the retention time; slice by slice."""
    now = timezone.now()
    rows = GroupCount.objects.order_by("start").values_list("start", flat=True)
    while start := rows.filter(start__lt=now - KEPT_FOR).first():
        GroupCount.objects.filter(start=start).delete()
    oldest_short = slice_start(LONG_S, (now - SHORT_FOR).timestamp())
    for start_s in range(slice_start(LONG_S, (now - KEPT_FOR).timestamp()), oldest_short, LONG_S):
        _shrink(datetime.fromtimestamp(start_s, UTC))


def _shrink(start: datetime) -> None:
    short = GroupCount.objects.filter(start__gt=start, start__lt=start + timedelta(seconds=LONG_S))
    if not short.exists():
        return
    with atomic():
        keep_writers_out(GroupCount)
        found: dict[Slice, Numbers] = defaultdict(lambda: [0, 0.0])
        for group, what, count, total in short.values_list("model_group", "what", "count", "total"):
            numbers = found[Slice(group, int(start.timestamp()), what)]
            numbers[0] += count
            numbers[1] += total
        short.delete()
        _add(found)


def count_again() -> None:
    """Recomputes the counts from the log, a long slice at a time."""
    now = timezone.now()
    for start in range(slice_start(LONG_S, (now - KEPT_FOR).timestamp()) + LONG_S, int(now.timestamp()) + 1, LONG_S):
        _count_slice_again(datetime.fromtimestamp(start, UTC), timedelta(seconds=LONG_S))


@atomic
def _count_slice_again(start: datetime, length: timedelta) -> None:
    keep_writers_out(GroupCount)
    GroupCount.objects.filter(start__gte=start, start__lt=start + length).delete()
    count_groups(RequestRecord.objects.filter(started_at__gte=start, started_at__lt=start + length).iterator(2000))
