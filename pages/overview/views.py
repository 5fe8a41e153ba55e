"""The overview, in parts that refresh themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, F, Q
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
from pages.overview.demo_card import demo_context, demo_now, is_all_demo
from pages.overview.failing_groups import worst_groups
from pages.overview.figures import today_at
from pages.parts import wants_part
from tester.models import Run
from usage.alerting.group_rule import SUBJECT_LIMIT
from usage.alerting.thresholds import GROUP_RULE
from usage.health.activity import recent_answers
from usage.health.causes import callers_of
from usage.health.cooldown_board import current_cooldowns
from usage.health.processes import processes_now
from usage.health.provider_health import ProviderCount, count_providers
from usage.models import Alert, AlertKind, UsageBucket

MOST_SHOWN = 5
# The banner shows the open alerts, with their messages and numbers. The failures that raised an alert happened before.
BEFORE = timedelta(seconds=max(part.within_s for part in GROUP_RULE))


@dataclass(frozen=True, slots=True)
class GroupOutage:
    """A failing group; `id` is None for a lone model. `callers` counts those that got an error since it began."""

    name: str
    id: UUID | None
    since: datetime
    message: str
    callers: str

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
    """What several parts of the page look at, read once."""

    @cached_property
    def failing(self) -> list[Alert]:
        """The alerts of the banner; one query."""
        return list(Alert.objects.open().filter(kind=AlertKind.GROUP_FAILING).order_by("raised_at", "pk"))

    @cached_property
    def failing_most(self) -> list[Alert]:
        """The same, those first that fail the most callers now; two queries if there are several."""
        if len(self.failing) < 2:
            return self.failing
        failed = {name[:SUBJECT_LIMIT]: served.failed for name, served in recent_answers().items()}
        return sorted(self.failing, key=lambda alert: -failed.get(alert.subject, 0))


def _outages_of(alerts: list[Alert]) -> Outages:
    """No query while nothing fails, else one for the groups and one for the callers of each."""
    shown = alerts[:MOST_SHOWN]
    ids = ids_of_groups(alert.subject for alert in shown)
    return Outages(tuple(_outage(alert, ids.get(alert.subject)) for alert in shown), len(alerts) - len(shown))


def _outage(alert: Alert, pk: UUID | None) -> GroupOutage:
    callers = callers_of(alert.subject, since=alert.raised_at - BEFORE)
    return GroupOutage(alert.subject, pk, alert.raised_at, alert.message, callers)


PAGE = "overview/overview.html"
RUNS, ALERTS, COOLDOWNS = 6, 6, 8


@dataclass(frozen=True, slots=True)
class PagePart:
    """One part of the page as HTML. `digest` changes with it, `follows` are the news that may change it."""

    name: str
    html: str
    digest: str
    follows: tuple[str, ...]

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
    part = _part(request, name, Glance())
    if part.digest == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, f"{PAGE}#part", {"part": part})


def page_context(request: PersonRequest) -> dict[str, Any]:
    """The whole page; with the card of the demo while there is nothing else."""
    glance = Glance()
    parts = [_part(request, part, glance) for part in PARTS]
    demo = demo_now() if settings.DEMO and is_all_demo() else None
    return {"parts": parts, **_rights(request), **demo_context(request, demo)}


def _part(request: PersonRequest, name: str, glance: Glance) -> PagePart:
    data, follows = PARTS[name]
    html = render_to_string(f"{PAGE}#{name}", {**data(glance), **_rights(request)})
    return PagePart(name, html, hashlib.sha256(html.encode()).hexdigest()[:16], follows)


def _rights(request: PersonRequest) -> dict[str, bool]:
    return {"can_operate": can_operate(request.user), "is_admin": has_role(request.user, Role.ADMIN)}


def _figures(glance: Glance) -> dict[str, Any]:
    """Requests, cost, success, latency, groups, providers; and the first steps until they are done."""
    today = today_at(timezone.now())
    providers = count_providers()
    groups = RoutingGroup.objects.aggregate(all=Count("pk"), active=Count("pk", filter=Q(is_active=True)))
    return {"today": today, "providers": providers, "groups": groups, "steps": _steps(today, providers, groups)}


def _steps(today: Any, providers: ProviderCount, groups: dict[str, int]) -> list[tuple[str, bool]]:
    """The first steps of a newcomer, each with whether it is done; empty once a client got answers."""
    if today.has_traffic or UsageBucket.objects.filter(requests__gt=0).exists():
        return []
    rehearsed = groups["all"] > 0 and Run.objects.exists()
    return [("provider", providers.all > 0), ("group", groups["all"] > 0), ("rehearse", rehearsed), ("call", False)]


def _trouble(glance: Glance) -> dict[str, Any]:
    cooling = current_cooldowns()
    trouble = worst_groups(cooling={group for row in cooling for group in row.groups})
    return {"trouble": trouble, "cooldowns": cooling[:COOLDOWNS], "more_cooling": len(cooling[COOLDOWNS:])}


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
    "runs": (_runs, ("runs",)),
    "alerts": (_alerts, ("alerts",)),
}
