"""`/api/v1/llm/requests`: the request log, newest first, for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from usage.models import RequestRecord
from usage.request_log.filter import RequestFilterForm
from usage.request_log.log_columns import COLUMNS
from usage.request_log.log_search import matching, page_of
from usage.rules import owner_seen_by

FIELDS = tuple(column.name for column in COLUMNS if column.is_answered)
FILTERS = {
    "call": "The beginning of a call id.",
    "outcome": "`answered`, `failed`, `refused` or `left`.",
    "status": "An HTTP status such as `503`; an outcome is accepted too.",
    "group": "The name of a routing group.",
    "user": "A username. Without a role you see only your own requests.",
    "key": "The name or the id of an API key.",
    "provider": "The name of the provider that answered, or failed last.",
    "virtual_model": "The name of a virtual model.",
    "fell_back": "`true`: a better tier or group had failed or was skipped; `false`: the others.",
    "rescued": "`true`: its stream broke and another attempt brought it to its end.",
    "skipped": "`true`: at least one deployment was skipped.",
    "proofs": "`true`: only test requests to deployments without traffic; `false`: none of them.",
    "since": "From this moment on, in UTC: `2030-01-31T14:30`.",
    "until": "Before this moment.",
    "before": "`next` of the previous page.",
}


class LoggedRequest(serializers.ModelSerializer):
    """One request; `attempt_count` is the number of attempts, `skip_count` that of skips
    (`/v1/requests/{call_id}/attempts`)."""

    attempt_count = serializers.SerializerMethodField()
    skip_count = serializers.SerializerMethodField()

    class Meta:
        model = RequestRecord
        fields = (*FIELDS, "attempt_count", "skip_count")

    def get_attempt_count(self, record: RequestRecord) -> int:
        return len(record.attempts)

    def get_skip_count(self, record: RequestRecord) -> int:
        return len(record.skipped)


class RequestLogPage(serializers.Serializer):
    """Some requests, newest first; `next` is the `before` of the next page, null at the end of the log."""

    requests = LoggedRequest(many=True)
    size = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)


class SizeQuery(serializers.Serializer):
    """The number of requests per page."""

    size = serializers.IntegerField(min_value=1, max_value=200, default=50)


class RequestLog(APIView):
    """The request log: callers, models, deployments, cost."""

    read_role = Role.STRANGER  # a key without a role may read its own requests

    @extend_schema(
        responses=RequestLogPage,
        operation_id="list_requests",
        parameters=[SizeQuery, *(OpenApiParameter(name, str, description=text) for name, text in FILTERS.items())],
    )
    def get(self, request: Request) -> Response:
        size = SizeQuery(data=request.query_params.dict())
        size.is_valid(raise_exception=True)
        form = _checked(request.query_params)
        wanted = form.wanted(owner=owner_seen_by(actor_of(request)))
        page = page_of(matching(wanted), before=form.before_mark, size=size.validated_data["size"])
        rows = LoggedRequest(page.records, many=True).data
        following = None if page.next is None else str(page.next)
        return Response({"requests": rows, "size": size.validated_data["size"], "next": following})


def _checked(params: Any) -> RequestFilterForm:
    """The filters of the URL; raises ValidationError naming an invalid or unknown one."""
    if unknown := sorted(set(params) - {*FILTERS, "size", "format"}):
        raise ValidationError({name[:64]: [f"Unknown filter. Known: {', '.join(FILTERS)}."] for name in unknown[:10]})
    form = RequestFilterForm(params)
    if not form.is_valid():
        raise ValidationError({name: [str(text) for text in why] for name, why in form.errors.items()})
    return form
