"""`/api/v1/llm/usage`: usage, cost and latency by several dimensions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from usage.analytics import Dimension, Point, UsageReport
from usage.api.serializers import Figures, UpstreamFigures, UsageAnswer, UsageQuery
from usage.models import Grain
from usage.rules import owner_seen_by

# The lists, and the field of the name in their lines.
LISTS: dict[str, tuple[Dimension, str]] = {
    "by_provider": ("provider", "provider"),
    "by_model": ("model", "model"),
    "by_group": ("group", "group"),
    "by_virtual_model": ("virtual_model", "virtual_model"),
    "by_team": ("team", "team"),
    "by_key": ("key", "key"),
    "by_user": ("owner", "user"),
}
TOLD_BY_ID = ("by_team", "by_key")
OF_UPSTREAMS = ("by_provider", "by_model")
# One serializer for all lines: one per line would take half of the answer's time.
figures_of = Figures().to_representation
upstream_figures_of = UpstreamFigures().to_representation


class UsageView(APIView):
    """Callers below viewer see only their own requests, regardless of `user`."""

    read_role = Role.STRANGER

    @extend_schema(parameters=[UsageQuery], responses=UsageAnswer, operation_id="read_usage")
    def get(self, request: Request) -> Response:
        query = UsageQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        report = UsageReport(query.asked(owner=owner_seen_by(actor_of(request))), grain=Grain.DAY)
        return Response({"period": query.asked_period, **answer_of(report)})


def answer_of(report: UsageReport) -> dict[str, Any]:
    """The whole answer except the name of the period."""
    totals = report.totals()
    figures = figures_of(totals) | {"success_rate": report.success_rate_of(totals)}
    for name in ("requests", "tokens", "cost_usd"):
        figures[f"total_{name}"] = figures.pop(name)
    since = report.window.since if figures["total_requests"] or report.asked.since else None
    lists = {name: _lines(report, name) for name in LISTS}
    days = [_day(point, report) for point in report.over_time()]
    return {"since": since, **figures, **lists, "by_day": days}


def _lines(report: UsageReport, name: str) -> list[dict[str, Any]]:
    dimension, label = LISTS[name]
    numbers_of = upstream_figures_of if name in OF_UPSTREAMS else figures_of
    return [
        {label: line.name, **({"id": line.id} if name in TOLD_BY_ID else {}), **numbers_of(line.totals)}
        for line in report.by(dimension)
    ]


def _day(point: Point, report: UsageReport) -> dict[str, Any]:
    rate = report.success_rate_of(point.totals)
    return {"date": point.start.date(), **figures_of(point.totals), "success_rate": rate}
