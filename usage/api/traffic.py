"""`/v1/routing_group/{id}/traffic`: the recorded traffic of a group as JSON lines, for rehearsals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from groups.models import RoutingGroup
from lib.serializers import row_or_404
from usage.request_log.traffic_periods import MOST_REQUESTS, TrafficPeriod, json_lines

USUALLY = timedelta(hours=1)
LINES = "application/x-ndjson"
TOO_MANY = f"More than {MOST_REQUESTS:,} requests were recorded in this period. Ask for a shorter one."
MOMENT = "A moment such as `2030-01-31T14:30:00Z`; UTC without an offset."


class TrafficQuery(serializers.Serializer):
    """The period; the hour until now by default. At most 100,000 requests at once."""

    until = serializers.DateTimeField(default=None, default_timezone=UTC, help_text=f"Before this moment. {MOMENT}")

    def get_fields(self) -> dict[str, Any]:
        since = serializers.DateTimeField(
            default=None, default_timezone=UTC, help_text=f"From this moment on. {MOMENT}", source="since"
        )
        return {"from": since, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        until = attrs["until"] or timezone.now()
        since = attrs["since"] or until - USUALLY
        if since >= until:
            raise serializers.ValidationError({"until": ["This must be later than from."]})
        return {"since": since, "until": until}


class LinesRenderer(JSONRenderer):
    """Clients may ask for the lines by their media type; errors are JSON."""

    media_type = LINES
    format = "jsonl"

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> bytes:
        return bytes(super().render(data)) + b"\n"


class TrafficView(APIView):
    """The requests of a group in a period, oldest first, one a line.

    `{"at", "input_tokens", "output_tokens", "stream", "outcome", "attempts": [{"deployment_id", "at", "status",
    "status_code", "error_class", "first_token", "own_key_refused"}]}`. Never prompts, people or keys.
    """

    renderer_classes = (JSONRenderer, LinesRenderer)

    @extend_schema(
        operation_id="read_traffic_of_routing_group",
        parameters=[TrafficQuery],
        responses={(200, LINES): OpenApiTypes.STR},
    )
    def get(self, request: Request, group_id: str) -> StreamingHttpResponse:
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        query = TrafficQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        period = TrafficPeriod(group.name, **query.validated_data)
        if period.count() > MOST_REQUESTS:
            raise serializers.ValidationError({"until": [TOO_MANY]})
        return StreamingHttpResponse(json_lines(period), content_type=LINES)
