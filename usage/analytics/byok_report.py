"""BYOK in numbers: the people with own keys, and the cost that the console saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from access.byok.lines import OwnKeyLine, line_of
from access.models import OwnKey, User
from usage.analytics import AnalyticsQuery, Totals, UsageReport, period

PERIOD = "30d"
NOTHING = Totals()


@dataclass(frozen=True, slots=True)
class ByokTotals:
    """The numbers of people with own keys, of their providers, and of requests with an own key in the last 30 days.

    `saved_usd` is the list price of those requests, which the console saved.
    """

    users: int
    providers: int
    keys: int
    requests: int
    saved_usd: float


@dataclass(frozen=True, slots=True)
class OwnKeyHolder:
    """A person with own keys, and their usage in the last 30 days."""

    user: User
    keys: tuple[OwnKeyLine, ...]
    requests: int
    saved_usd: float


@dataclass(frozen=True, slots=True)
class OwnKeyUse:
    """One own key, and its usage in the last 30 days."""

    line: OwnKeyLine
    requests: int
    saved_usd: float


def report_of(user: User | None = None) -> UsageReport:
    """The last 30 days of everybody, or of one person."""
    return UsageReport(AnalyticsQuery(since=period(PERIOD), owner=user.username if user else ""), latency="none")


def people_with_own_keys(q: str = "") -> QuerySet[User]:
    """People with own keys whose name contains `q`, by name, each with their keys."""
    people = User.objects.filter(Exists(OwnKey.objects.filter(user=OuterRef("pk"))))
    return with_keys(people.filter(username__icontains=q) if q else people).order_by("username")


def with_keys(people: QuerySet[User]) -> QuerySet[User]:
    """These people, each with their own keys; two queries."""
    keys = OwnKey.objects.select_related("user", "provider").order_by("provider__name")
    return people.prefetch_related(Prefetch("own_keys", keys))


def numbers_of(report: UsageReport) -> ByokTotals:
    """The totals; requests with keys that were deleted since count too."""
    totals = report.totals()
    return ByokTotals(
        users=OwnKey.objects.values("user").distinct().count(),
        providers=OwnKey.objects.values("provider").distinct().count(),
        keys=OwnKey.objects.count(),
        requests=totals.own_key_requests,
        saved_usd=totals.saved_usd,
    )


def lines_of(people: Iterable[User], report: UsageReport) -> list[OwnKeyHolder]:
    """These people (from `people_with_own_keys()`) with their numbers."""
    used = {line.name: line.totals for line in report.by("owner")}
    lines = []
    for person in people:
        totals = used.get(person.username, NOTHING)
        keys = tuple(line_of(key) for key in person.own_keys.all())
        lines.append(OwnKeyHolder(person, keys, totals.own_key_requests, totals.saved_usd))
    return lines


def uses_of(person: User, report: UsageReport) -> list[OwnKeyUse]:
    """Each key of a person (from `with_keys()`) with its numbers; the report is that person's."""
    used = {line.name: line.totals for line in report.by("provider")}
    uses = []
    for key in person.own_keys.all():
        totals = used.get(key.provider.name, NOTHING)
        uses.append(OwnKeyUse(line_of(key), totals.own_key_requests, totals.saved_usd))
    return uses
