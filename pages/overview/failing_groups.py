"""Groups by how many callers they fail: with their state, found by their failures, for any number of groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from engine.outcomes import success_rate
from pages.groups.cards import ids_of_groups
from usage.group_traffic.periods import last, latencies_at
from usage.health.activity import (
    FAILING_WITHIN,
    RECENT,
    GroupHealth,
    GroupState,
    Served,
    health_of,
    newest_attempts,
    served_of,
)
from usage.health.recent import GROUP, answers_since, groups_moving_on
from usage.models import RecentCount

# More than a person can handle at once; those with the most failures.
MOST_LOOKED_AT, MOST_SHOWN = 40, 6
WINDOW, MINUTES = timedelta(minutes=15), 15
WORST_FIRST = (GroupState.FAILING, GroupState.DEGRADED, GroupState.HEALTHY, GroupState.IDLE)
# The small picture of a group in its own units.
STEP, BAR, HEIGHT = 8, 7, 24


@dataclass(frozen=True, slots=True)
class RankedGroup:
    """A group with its answered or failed `requests` of the last 15 minutes, and those that it `failed`; `id` is None
    if the group is gone. `p95_ms` is that of the group's page; `answered_path` and `failed_path` are its minutes as
    bars."""

    name: str
    id: UUID | None
    health: GroupHealth
    requests: int = 0
    failed: int = 0
    p95_ms: float | None = None
    answered_path: str = ""
    failed_path: str = ""

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; None without requests."""
        return success_rate(self.requests - self.failed, self.failed)

    @property
    def is_troubled(self) -> bool:
        return self.health.state in WORST_FIRST[:2]


@dataclass(frozen=True, slots=True)
class CountedAnswers:
    """The recent answers of all groups: of `WINDOW`, `RECENT` and `FAILING_WITHIN` as (all, failed) by group, and the
    same as `Served`."""

    counts: Mapping[str, Sequence[tuple[int, int]]]
    served: Mapping[str, Served]


@dataclass(frozen=True, slots=True)
class RankedGroups:
    """The groups that come first, and how many more had requests."""

    groups: tuple[RankedGroup, ...]
    more: int


def counted_answers(alarming: Collection[str] | None = None) -> CountedAnswers:
    """Those until now; `alarming` as in `served_of()`. One query, or two."""
    counts = answers_since([WINDOW, RECENT, FAILING_WITHIN])
    newest = {name: (recent, few) for name, (_, recent, few) in counts.items()}
    return CountedAnswers(counts, served_of(newest, alarming))


def ranked_groups(answers: CountedAnswers | None = None, *, cooling: Collection[str] = ()) -> RankedGroups:
    """Groups with requests in the last 15 minutes, those first that failed the most; `cooling` are further names to
    check. Three to five queries besides those of `counted_answers()`."""
    answers = answers or counted_answers()
    counts, served = answers.counts, answers.served
    healths = _healths(cooling, answers)
    numbers = {name: counts[name][0] if name in counts else (0, 0) for name in (*counts, *healths)}
    states = {name: healths.get(name) or _well(served.get(name)) for name in numbers}
    shown = [name for name in numbers if numbers[name][0] or states[name].state in WORST_FIRST[:2]]
    shown.sort(key=lambda name: (-numbers[name][1], WORST_FIRST.index(states[name].state), -numbers[name][0], name))
    first = shown[:MOST_SHOWN]
    ids, bars, p95 = ids_of_groups(first), _bars_of(first), latencies_at(0.95, first, last(WINDOW, now=timezone.now()))
    rows = (
        RankedGroup(name, ids.get(name), states[name], *numbers[name], p95.get(name), *bars[name]) for name in first
    )
    return RankedGroups(tuple(rows), len(shown) - len(first))


def _well(served: Served | None) -> GroupHealth:
    return GroupHealth(GroupState.HEALTHY if served and served.requests else GroupState.IDLE)


def _bars_of(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The last 15 minutes of these groups as two paths each: answered requests, and failed ones above them."""
    since = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    rows = RecentCount.objects.filter(kind=GROUP, start__gte=since, subject__in=names).order_by()
    minutes: dict[str, list[list[int]]] = {name: [[0, 0] for _ in range(MINUTES)] for name in names}
    summed = rows.values_list("subject", "start").annotate(Sum("good"), Sum("bad"))
    for name, start, good, bad in summed if names else ():
        place = minutes[name][_place(start, since)]
        place[0], place[1] = place[0] + good, place[1] + bad
    return {name: _paths(found) for name, found in minutes.items()}


def _place(start: datetime, since: datetime) -> int:
    return min((start - since) // timedelta(minutes=1), MINUTES - 1)


def _paths(minutes: Sequence[Sequence[int]]) -> tuple[str, str]:
    most = max((good + bad for good, bad in minutes), default=0) or 1
    answered, failed = "", ""
    for place, (good, bad) in enumerate(minutes):
        low, high = (max(1.5, HEIGHT * count / most) if count else 0.0 for count in (good, bad))
        high = min(high, HEIGHT)
        low = min(low, HEIGHT - high)
        answered += _rectangle(place, low, 0.0)
        failed += _rectangle(place, high, low)
    return answered, failed


def _rectangle(place: int, height: float, above: float) -> str:
    return f"M{place * STEP} {HEIGHT - above:.1f}v{-height:.1f}h{BAR}v{height:.1f}z" if height else ""


def _healths(cooling: Collection[str], answers: CountedAnswers) -> dict[str, GroupHealth]:
    """Health by the callers' answers, and by the newest requests of each group with a recent failure, also of a single
    deployment; of those groups whose state decides about a place in the list or whether they are in it."""
    counts, served = answers.counts, answers.served
    candidates = {*groups_moving_on(RECENT, most=MOST_LOOKED_AT), *list(cooling)[:MOST_LOOKED_AT]}
    most = nlargest(MOST_SHOWN, (parts[0][1] for parts in counts.values()))
    enough = most[-1] if len(most) == MOST_SHOWN else 0
    looked_at = [name for name in candidates if name not in counts or _is_close(counts[name][0], enough)]
    attempts = newest_attempts(looked_at)
    names = {*attempts, *(name for name, said in served.items() if said.failed or said.is_failing)}
    return {name: health_of(attempts.get(name, ()), served.get(name, Served())) for name in names}


def _is_close(numbers: tuple[int, int], enough: int) -> bool:
    """Not if it is in the list anyway, behind those that are shown."""
    requests, failed = numbers
    return failed >= enough or not requests
