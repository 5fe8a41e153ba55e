"""The recent activity of groups: requests of a day, and the answers of their deployments in the last minutes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone
from pydantic_core import from_json

from engine.outcomes import Outcome, success_rate
from usage.alerting.group_rule import SUBJECT_LIMIT
from usage.alerting.thresholds import FEW
from usage.health.recent import answers_since
from usage.models import Alert, AlertKind, RequestRecord
from usage.request_log.attempts import has_failed

DAY = timedelta(hours=24)
RECENT = timedelta(minutes=10)
NEWEST = 50
# SQLite unites up to 500 queries.
GROUPS_AT_ONCE = 100
NEWEST_OF_ONE = (
    f'SELECT * FROM (SELECT "model_group", "attempts" FROM "{RequestRecord._meta.db_table}"'  # noqa: S608  # our own names
    f' WHERE "model_group" = %s AND "started_at" >= %s ORDER BY "started_at" DESC LIMIT {NEWEST}) AS newest'
)
BY_OUTCOME = {
    name: Count("pk", filter=Q(outcome=outcome.value))
    for name, outcome in {
        "successes": Outcome.ANSWERED,
        "failures": Outcome.FAILED,
        "refused": Outcome.REFUSED,
        "left": Outcome.LEFT,
    }.items()
}
DEGRADED_SHARE = 0.1
# The clause of the rule for failing groups that no admin changes: it holds before the next evaluation opens the alert.
FAILING_WITHIN = timedelta(seconds=FEW.within_s)


class GroupState(StrEnum):
    """The state of a group; idle without recent requests. Failing if it fails its callers, by the rule of the alert
    `group_failing`; degraded if it failed some of them, or if a deployment fails whose requests others answered."""

    IDLE = "idle"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"


WORSE = tuple(GroupState)


@dataclass(frozen=True, slots=True)
class GroupHealth:
    """A state, and its cause: `40 of 43 requests failed`, or a deployment, `Nebius failed 9 of 10`."""

    state: GroupState = GroupState.IDLE
    why: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """The answers of a group in the last 10 minutes: answered or failed requests, and the failed ones.

    `is_failing`: its alert `group_failing` is open, and so is the overview's banner; or so many failed that the next
    evaluation opens it.
    """

    requests: int = 0
    failed: int = 0
    is_failing: bool = False


@dataclass(frozen=True, slots=True)
class Activity:
    """One group: requests of the last 24 hours by outcome, health of the last 10 minutes."""

    requests: int = 0
    successes: int = 0
    failures: int = 0
    refused: int = 0
    left: int = 0
    health: GroupHealth = GroupHealth()

    @property
    def success_rate(self) -> float | None:
        """The share, 0 to 1, of answered requests in answered and failed ones; None without either."""
        return success_rate(self.successes, self.failures)


def activity_of(names: Collection[str]) -> dict[str, Activity]:
    """Each group's activity by its name; four queries for any number of groups."""
    now = timezone.now()
    records = RequestRecord.objects.filter(model_group__in=names).order_by()
    day = records.filter(started_at__gte=now - DAY).values("model_group")
    counted = day.annotate(requests=Count("pk"), **BY_OUTCOME).values_list("model_group", "requests", *BY_OUTCOME)
    counts: dict[str, list[int]] = {group: numbers for group, *numbers in counted}
    recent, served = newest_attempts(names), recent_answers()
    return {
        name: replace(
            Activity(*counts.get(name, ())), health=health_of(recent.get(name, ()), served.get(name, Served()))
        )
        for name in names
    }


def callers_of(names: Collection[str], *, since: datetime) -> dict[str, dict[str, int]]:
    """The requests to each group by the name of the key that sent them, most first; one query."""
    records = RequestRecord.objects.filter(model_group__in=names, started_at__gte=since).order_by()
    counted = records.values("model_group", "key_name").annotate(requests=Count("pk")).order_by("-requests", "key_name")
    callers: dict[str, dict[str, int]] = {name: {} for name in names}
    for group, key, requests in counted.values_list("model_group", "key_name", "requests"):
        callers[group][key] = requests
    return callers


def health_now(group: str) -> GroupHealth:
    """The health of one group, as in the list of groups; three queries."""
    newest = RequestRecord.objects.filter(model_group=group, started_at__gte=timezone.now() - RECENT)
    attempts = newest.order_by("-started_at").values_list("attempts", flat=True)[:NEWEST]
    return health_of((one for tried in attempts for one in tried), recent_answers().get(group, Served()))


def recent_answers() -> dict[str, Served]:
    """The recent answers by group, from the counts behind the alert `group_failing`; two queries.

    Includes every group with requests in the last 10 minutes or an open alert.
    """
    return served_of(answers_since([RECENT, FAILING_WITHIN]))


def served_of(
    counts: Mapping[str, Sequence[tuple[int, int]]], alarming: Collection[str] | None = None
) -> dict[str, Served]:
    """The same from the counts of the last 10 minutes and of `FAILING_WITHIN`, by group; `alarming` are the subjects of
    the open alerts, one query if they are not given."""
    if alarming is None:
        alarming = set(Alert.objects.open().filter(kind=AlertKind.GROUP_FAILING).values_list("subject", flat=True))
    found = {name: Served(is_failing=True) for name in alarming}
    for name, (recent, few) in counts.items():
        is_failing = name[:SUBJECT_LIMIT] in alarming or FEW.holds(*few, is_open=False)
        found[name] = Served(*recent, is_failing=is_failing)
    return found


def newest_attempts(names: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """The attempts of the newest requests of each group in the last 10 minutes, by its name; a query for every hundred
    groups.

    Each group is one short walk along the index of its requests. A window over all of them reads and sorts every
    request of the ten minutes, which takes five times as long. Django writes no union of limited queries for SQLite.
    """
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    since = connection.ops.adapt_datetimefield_value(timezone.now() - RECENT)
    with connection.cursor() as cursor:
        distinct = list(dict.fromkeys(names))
        for start in range(0, len(distinct), GROUPS_AT_ONCE):
            part = distinct[start : start + GROUPS_AT_ONCE]
            asked = [one for name in part for one in (name, since)]
            cursor.execute(" UNION ALL ".join([NEWEST_OF_ONE] * len(part)), asked)
            for name, attempts in cursor.fetchall():
                found[name].extend(from_json(attempts))
    return dict(found)


def health_of(attempts: Iterable[dict[str, Any]], served: Served = Served()) -> GroupHealth:
    """The worse of the callers' answers and of the worst deployment by attempts of the log, which alone makes a group
    degraded at most; pure.

    If both are equally bad the callers' answers win, because a request without a deployment has no attempts.
    """
    return max(_of_callers(served), _of_deployments(attempts), key=lambda health: WORSE.index(health.state))


def _of_callers(served: Served) -> GroupHealth:
    why = f"{served.failed:,} of {served.requests:,} requests failed" if served.failed else ""
    if served.is_failing:
        return GroupHealth(GroupState.FAILING, why or "its alert is open")
    return _short_of(why, failed=served.failed, tried=served.requests) if why else GroupHealth()


def _of_deployments(attempts: Iterable[dict[str, Any]]) -> GroupHealth:
    tries: dict[str, list[bool]] = defaultdict(list)
    names: dict[str, str] = {}
    for attempt in attempts:
        if (failed := has_failed(attempt)) is not None:
            tries[attempt["deployment_id"]].append(failed)
            names[attempt["deployment_id"]] = attempt["provider"]
    if not tries:
        return GroupHealth()
    worst = max(tries, key=lambda deployment: sum(tries[deployment]) / len(tries[deployment]))
    bad, tried = sum(tries[worst]), len(tries[worst])
    return _short_of(f"{names[worst]} failed {bad} of {tried}" if bad else "", failed=bad, tried=tried)


def _short_of(why: str, *, failed: int, tried: int) -> GroupHealth:
    """The state of what is not failing by the rule."""
    return GroupHealth(GroupState.DEGRADED if failed >= DEGRADED_SHARE * tried else GroupState.HEALTHY, why)
