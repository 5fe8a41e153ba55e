"""Attempts of providers in the last hour, answers of groups in the last minutes, groups whose requests moved on and the
sums of all requests by the minute, counted when the log is written.

Alerts and pages read them every few seconds: sums of a few slices cost the same for a log of any size. A request is
counted in the slice in which it ended, because its outcome is only known then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max, Q, Sum
from django.utils import timezone

from engine.outcomes import Outcome
from usage.models import RecentCount, RecentKind
from usage.request_log.attempts import has_failed
from usage.request_log.finished import PROBE, Finished
from usage.rollups.adding import add_to
from usage.rollups.latency_levels import level_of

# Plain texts: members of an enumeration take longer to look up and to compare than all else here.
PROVIDER, GROUP = RecentKind.PROVIDER.value, RecentKind.GROUP.value
# All requests together, by the minute; the subject says what is counted (see `minutes.py`).
TOTAL = "total"
# Requests of a group that failed or moved on to another attempt: which groups are worth a look at their log.
MOVED_ON = "moved"
REQUESTS, ANSWERS, FELL_BACK, NANO_USD, LATENCY = "requests", "answers", "fell_back", "nano_usd", "latency"
FAILED = Outcome.FAILED.value
# The length of a slice, and the largest error of a time window.
SLICE_S = {PROVIDER: 60, GROUP: 5, TOTAL: 60, MOVED_ON: 60}
KEPT_FOR = timedelta(hours=2)
NANO = 10**9
COLUMNS = ("good", "bad")
COUNTED = (Outcome.ANSWERED.value, FAILED)


class Slice(NamedTuple):
    """One row of the table without its counts; `start` is in Unix seconds."""

    kind: str
    start: int
    subject: str
    name: str


@dataclass(frozen=True, slots=True)
class Tries:
    """Attempts of one provider in a window of time. `provider` is its id, or its name for attempts without an id."""

    provider: str
    name: str
    tried: int
    failed: int

    @property
    def failed_share(self) -> float:
        """From 0 to 1; 0 without any."""
        return self.failed / self.tried if self.tried else 0.0


def count_recent(requests: Iterable[Finished]) -> None:
    """Adds requests that have just ended, in the caller's transaction; one statement."""
    found = recent_of(requests, now=timezone.now())
    adapt = connection.ops.adapt_datetimefield_value
    rows = sorted(
        (part.kind, adapt(datetime.fromtimestamp(part.start, UTC)), part.subject, part.name, *numbers)
        for part, numbers in found.items()
    )
    add_to(RecentCount, ("kind", "start", "subject", "name"), COLUMNS, rows)


def recent_of(requests: Iterable[Finished], *, now: datetime) -> dict[Slice, list[int]]:
    """The counts of successes and failures by slice; without requests that ended before the retention time. Pure."""
    found: dict[Slice, list[int]] = defaultdict(lambda: [0, 0])
    oldest = (now - KEPT_FOR).timestamp()
    for request in requests:
        ended = request.started_at.timestamp() + request.duration_ms / 1000
        if ended >= oldest and request.endpoint != PROBE:
            _count(found, request, ended)
            _count_total(found, request, ended)
    return found


def _count(found: dict[Slice, list[int]], request: Finished, ended: float) -> None:
    """Refused requests, and those whose caller left, do not count for the group."""
    if request.outcome in COUNTED and request.model_group:
        found[_slice(GROUP, ended, request.model_group)][request.outcome == FAILED] += 1
    if request.model_group and (request.outcome == FAILED or len(request.attempts) > 1):
        found[_slice(MOVED_ON, ended, request.model_group)][1] += 1
    for attempt in request.attempts:
        if (failed := has_failed(attempt)) is not None:
            name = (attempt.get("provider") or "")[:64]
            found[_slice(PROVIDER, ended, attempt.get("provider_id") or name, name)][failed] += 1


def _count_total(found: dict[Slice, list[int]], request: Finished, ended: float) -> None:
    """Money is that of the console's own provider keys; latencies are those of answers."""
    found[_slice(TOTAL, ended, REQUESTS)][0] += 1
    if request.outcome in COUNTED:
        found[_slice(TOTAL, ended, ANSWERS)][request.outcome == FAILED] += 1
    if request.outcome == COUNTED[0]:
        found[_slice(TOTAL, ended, LATENCY, str(level_of(request.duration_ms)))][0] += 1
    if request.fell_back:
        found[_slice(TOTAL, ended, FELL_BACK)][0] += 1
    if request.cost_usd and not request.is_own_key:
        found[_slice(TOTAL, ended, NANO_USD)][0] += round(request.cost_usd * NANO)


def _slice(kind: str, ended: float, subject: str, name: str = "") -> Slice:
    length = SLICE_S[kind]
    return Slice(kind, int(ended // length) * length, subject[:256], name)


def tries_since(length: timedelta) -> list[Tries]:
    """The attempts of each provider since then, exact to the minute; one query."""
    since = timezone.now() - length - timedelta(seconds=SLICE_S[PROVIDER])
    rows = RecentCount.objects.filter(kind=PROVIDER, start__gt=since).order_by("subject").values("subject")
    counted = rows.annotate(last=Max("name"), well=Sum("good"), badly=Sum("bad"))
    return [Tries(row["subject"], row["last"], row["well"] + row["badly"], row["badly"]) for row in counted]


def groups_moving_on(length: timedelta, *, most: int) -> list[str]:
    """The groups with the most requests since then that failed or moved on to another attempt, exact to the minute; one
    query."""
    since = timezone.now() - length - timedelta(seconds=SLICE_S[MOVED_ON])
    rows = RecentCount.objects.filter(kind=MOVED_ON, start__gt=since).order_by()
    counted = rows.values_list("subject").annotate(requests=Sum("bad")).order_by("-requests", "subject")
    return [name for name, _ in counted[:most]]


def answers_since(lengths: Sequence[timedelta]) -> dict[str, tuple[tuple[int, int], ...]]:
    """By group and time span: the answered or failed requests, and the failed ones.

    Exact to five seconds; one query.
    """
    ago = [timezone.now() - length - timedelta(seconds=SLICE_S[GROUP]) for length in lengths]
    rows: Any = RecentCount.objects.filter(kind=GROUP, start__gt=min(ago)).order_by("subject").values("subject")
    sums = {f"{name}_{n}": Sum(name, filter=Q(start__gt=at), default=0) for n, at in enumerate(ago) for name in COLUMNS}
    return {
        row["subject"]: tuple((row[f"good_{n}"] + row[f"bad_{n}"], row[f"bad_{n}"]) for n in range(len(ago)))
        for row in rows.annotate(**sums)
    }


def forget_recent() -> None:
    """Deletes counts older than the retention time."""
    old = RecentCount.objects.filter(start__lt=timezone.now() - KEPT_FOR).order_by("kind", "start")
    while start := old.values_list("kind", "start").first():
        RecentCount.objects.filter(kind=start[0], start=start[1]).delete()
