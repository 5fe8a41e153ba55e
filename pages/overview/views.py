"""The overview, in parts that refresh themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from access.models import Role
from access.rules import can_operate, has_role
from groups.models import RoutingGroup
from pages.groups.cards import ids_of_groups
from pages.guards import PersonRequest, requires
from pages.live_tester.listing import lines_of, newest_runs
from pages.live_tester.rewinding import rewind_url
from pages.overview.before_list import Before, before_of
from pages.overview.demo_card import demo_context, demo_now, is_all_demo
from pages.overview.failing_groups import CountedAnswers, counted_answers, ranked_groups
from pages.overview.figures import DEFAULT, PERIODS, ShownPeriod, cost_today_usd, figures_at
from pages.overview.provider_states import ProviderLines, provider_lines
from pages.parts import wants_part
from providers.models import Provider
from tester.models import Run
from usage.alerting.group_rule import SUBJECT_LIMIT
from usage.alerting.thresholds import GROUP_RULE
from usage.health.causes import callers_of
from usage.health.cooldown_board import CoolingDown, current_cooldowns
from usage.health.processes import processes_now
from usage.models import Alert, AlertKind, UsageBucket
from usage.request_log.filter import MOMENT

MOST_SHOWN = 5
# The banner shows the open alerts, with their messages and numbers. The failures that raised an alert happened before.
BEFORE = timedelta(seconds=max(part.within_s for part in GROUP_RULE))


@dataclass(frozen=True, slots=True)
class GroupOutage:
    """A failing group; `id` is None for a lone model. `callers` counts those that got an error since it began."""

    alert: Alert
    id: UUID | None
    callers: str

    @property
    def name(self) -> str:
        return self.alert.subject

    @property
    def since(self) -> datetime:
        return self.alert.raised_at

    @property
    def message(self) -> str:
        return self.alert.message

    @property
    def rewind_url(self) -> str:
        """The Live Tester with what was recorded since."""
        return rewind_url(self.id, self.since) if self.id else ""


@dataclass(frozen=True, slots=True)
class Outages:
    """The outages with the most failed callers, and how many more there are."""

    groups: tuple[GroupOutage, ...]
    more: int


class Glance:
    """What several parts of the page look at, read once; `period` is the one that the page shows."""

    def __init__(self, period: ShownPeriod) -> None:
        self.period = period

    @cached_property
    def cooldowns(self) -> list[CoolingDown]:
        """All of them; two queries, or three."""
        return current_cooldowns()

    @cached_property
    def providers(self) -> ProviderLines:
        """Three queries, or four."""
        return provider_lines(self.cooldowns)

    @cached_property
    def failing(self) -> list[Alert]:
        """The alerts of the banner; one query."""
        return list(Alert.objects.open().filter(kind=AlertKind.GROUP_FAILING).order_by("raised_at", "pk"))

    @cached_property
    def answers(self) -> CountedAnswers:
        """Those of all groups; one query besides that of the banner, whose groups fail here too."""
        return counted_answers({alert.subject for alert in self.failing})

    @cached_property
    def failing_most(self) -> list[Alert]:
        """The alerts of the banner, those first that fail the most callers now."""
        if len(self.failing) < 2:
            return self.failing
        failed = {name[:SUBJECT_LIMIT]: served.failed for name, served in self.answers.served.items()}
        return sorted(self.failing, key=lambda alert: -failed.get(alert.subject, 0))


def _outages_of(alerts: list[Alert]) -> Outages:
    """Those that nobody takes care of come first. No query while nothing fails, else one for the groups and one for
    the callers of each."""
    shown = sorted(alerts, key=lambda alert: alert.acknowledged_at is not None)[:MOST_SHOWN]
    ids = ids_of_groups(alert.subject for alert in shown)
    return Outages(tuple(_outage(alert, ids.get(alert.subject)) for alert in shown), len(alerts) - len(shown))


def _outage(alert: Alert, pk: UUID | None) -> GroupOutage:
    callers = callers_of(alert.subject, since=alert.raised_at - BEFORE)
    return GroupOutage(alert, pk, callers)


PAGE = "overview/overview.html"
RUNS, ALERTS, COOLDOWNS = 4, 4, 8


@dataclass(frozen=True, slots=True)
class PagePart:
    """One part of the page as HTML. `digest` changes with it, `follows` are the news that may change it; `period` is
    the one that it is of."""

    name: str
    html: str
    digest: str
    follows: tuple[str, ...]
    period: str

    @property
    def trigger(self) -> str:
        """When htmx reloads it: on news, and periodically, because time passes."""
        return ", ".join([*(f"{news}-changed from:body" for news in self.follows), "every 60s"])


@require_safe
@vary_on_headers("HX-Request")
@requires(Role.VIEWER, to="see the overview")
def overview(request: PersonRequest) -> HttpResponse:
    """The page; or one `part` of it, 204 if that still equals `seen`."""
    name = request.GET.get("part", "")
    if not (wants_part(request) and name in PARTS):
        return render(request, PAGE, page_context(request))
    part = _part(request, name, Glance(_period(request)))
    if part.digest == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, f"{PAGE}#part", {"part": part})


def page_context(request: PersonRequest) -> dict[str, Any]:
    """The whole page; with the card of the demo while there is nothing else."""
    glance = Glance(_period(request))
    parts = [_part(request, part, glance) for part in PARTS]
    demo = demo_now() if settings.DEMO and is_all_demo() else None
    frame = {"parts": parts, "period": glance.period, "periods": PERIODS.values(), "now": timezone.now()}
    return {**frame, **_rights(request), **demo_context(request, demo)}


def _period(request: PersonRequest) -> ShownPeriod:
    """The one in the address; the default for none, or another."""
    return PERIODS.get(request.GET.get("period", ""), PERIODS[DEFAULT])


def _part(request: PersonRequest, name: str, glance: Glance) -> PagePart:
    data, follows = PARTS[name]
    html = render_to_string(f"{PAGE}#{name}", {**data(glance), **_rights(request)})
    digest = hashlib.sha256(html.encode()).hexdigest()[:16]
    return PagePart(name, html, digest, follows, glance.period.word)


def _rights(request: PersonRequest) -> dict[str, bool]:
    return {"can_operate": can_operate(request.user), "is_admin": has_role(request.user, Role.ADMIN)}


def _figures(glance: Glance) -> dict[str, Any]:
    """Requests, success, latency, cost, providers and the chart; and the first steps until they are done."""
    now = timezone.now()
    figures = figures_at(now, glance.period)
    return {
        "figures": figures,
        "cost_today": cost_today_usd(now),
        "providers": glance.providers,
        "marks": [*_marks(glance, figures.picture.place_of)],
        "failed_query": _failed_query(now - glance.period.length),
        "steps": [] if figures.picture.requests else _steps(glance.providers),
    }


def _marks(glance: Glance, place_of: Callable[[datetime], float | None]) -> Any:
    """Where in the chart groups began to fail."""
    for alert in glance.failing_most[:1]:
        place = place_of(alert.raised_at)
        if place is not None:
            yield {"at": place, "moment": alert.raised_at, "name": alert.subject, "is_late": place > 50}


def _failed_query(since: datetime) -> str:
    return urlencode({"outcome": "failed", "since": f"{since:{MOMENT}}"})


def _steps(providers: ProviderLines) -> list[tuple[str, bool]]:
    """The first steps of a newcomer, each with whether it is done; empty once a client got answers."""
    if UsageBucket.objects.filter(requests__gt=0).exists():
        return []
    has_groups = RoutingGroup.objects.exists()
    rehearsed = has_groups and Run.objects.exists()
    has_providers = providers.on > 0 or Provider.objects.exists()
    return [("provider", has_providers), ("group", has_groups), ("rehearse", rehearsed), ("call", False)]


def _trouble(glance: Glance) -> dict[str, Any]:
    ranked = ranked_groups(glance.answers, cooling={group for row in glance.cooldowns for group in row.groups})
    return {"ranked": ranked}


def _providers(glance: Glance) -> dict[str, Any]:
    cooling = glance.cooldowns
    return {"providers": glance.providers, "cooldowns": cooling[:COOLDOWNS], "more_cooling": len(cooling[COOLDOWNS:])}


def _before(glance: Glance) -> dict[str, Any]:
    """Of the group that fails the most callers; no query while nothing fails."""
    for alert in glance.failing_most[:1]:
        pk = ids_of_groups([alert.subject]).get(alert.subject)
        since = alert.raised_at - BEFORE
        found: tuple[Before, ...] = before_of(alert.subject, pk, since=since, alert_pk=alert.pk)
        url = rewind_url(pk, alert.raised_at) if pk else ""
        return {"before": found, "before_group": alert, "rewind": url}
    return {"before": ()}


def _runs(glance: Glance) -> dict[str, Any]:
    return {"lines": lines_of(newest_runs()[:RUNS])}


def _alerts(glance: Glance) -> dict[str, Any]:
    """Open alerts first."""
    return {"alerts": Alert.objects.order_by(F("resolved_at").desc(nulls_first=True), "-raised_at")[:ALERTS]}


def _said_outages(glance: Glance) -> dict[str, Any]:
    """Changes only when a group starts or stops failing, so that a screen reader reads it once."""
    return {"failing": glance.failing[:MOST_SHOWN]}


def _outages(glance: Glance) -> dict[str, Any]:
    return {"outages": _outages_of(glance.failing_most), "trouble_of_processes": processes_now().trouble}


PARTS: dict[str, tuple[Callable[[Glance], dict[str, Any]], tuple[str, ...]]] = {
    "said": (_said_outages, ("alerts",)),
    "outages": (_outages, ("alerts", "requests")),
    "figures": (_figures, ("requests", "providers")),
    "trouble": (_trouble, ("requests", "cooldowns")),
    "providers": (_providers, ("requests", "providers", "cooldowns")),
    "before": (_before, ("alerts",)),
    "runs": (_runs, ("runs",)),
    "alerts": (_alerts, ("alerts",)),
}
