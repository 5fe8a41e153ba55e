"""The test form of a group's page: one request through the serving routers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from access.models import Actor, Role
from engine.spec import Strategy
from gateway.openai import ApiError
from gateway.send_test import SendTestResult, try_group
from groups.models import RoutingGroup
from lib.exceptions import DomainError
from pages.discs import provider_types
from pages.groups.detail import detail_context, group_with_deployments
from pages.groups.forms import GroupTestForm
from pages.guards import PersonRequest, requires
from pages.parts import page_or_part
from usage.request_log.waterfall import WaterfallBar, bars_of, steps_of

PAGE = "groups/routinggroup_detail.html"


@require_http_methods(["GET", "POST"])
def test_form(request: PersonRequest, group_id: UUID) -> HttpResponseBase:
    """POST sends a test; GET (after a sign-in) shows the page with the form."""
    if request.method == "GET":
        return redirect("group-detail", group_id)
    return send_test(request, group_id)


@requires(Role.OPERATOR, to="send a test")
def send_test(request: PersonRequest, group_id: UUID) -> HttpResponse:
    """Sends one test and shows its attempts, as a part of the page or as the whole page."""
    group = group_with_deployments(group_id)
    form = GroupTestForm(request.POST)
    outcome = _outcome(group, form, by=request.user) if form.is_valid() else {}
    context = detail_context(request, group, form=form, **outcome)
    status = 200 if "result" in outcome else 422
    return page_or_part(request, PAGE, "group-test", context, status=status)


def _outcome(group: RoutingGroup, form: GroupTestForm, *, by: Actor) -> dict[str, Any]:
    messages = [{"role": "user", "content": form.cleaned_data["message"]}]
    try:
        result = try_group(name=group.name, messages=messages, mock=form.is_mock, by=by)
    except (DomainError, ApiError) as error:
        return {"refusal": str(error)}
    return shown(result, has_tiers=group.strategy == Strategy.PRIORITY_FAILOVER)


def shown(result: SendTestResult, *, has_tiers: bool) -> dict[str, Any]:
    """The context of `groups/_test_result.html`; one query."""
    names = {trace.provider for trace in result.traces} | {skip["provider"] for skip in result.skipped}
    types = provider_types(names)
    bars = _bars(result, types)
    return {
        "result": result,
        "bars": bars,
        "steps": steps_of(bars, result.skipped, types),
        "has_tiers": has_tiers,
        "links_causes": True,
    }


def _bars(result: SendTestResult, types: dict[str, str]) -> tuple[WaterfallBar, ...]:
    attempts = [{**asdict(t), "at_ms": t.started_ms, "duration_ms": t.latency_ms} for t in result.traces]
    return bars_of(attempts, began_ms=0.0, duration_ms=result.total_latency_ms, provider_types=types)
