"""The gateway's slower routes: attempts of a request, a test request."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from access.rules import can_read
from gateway.api.serializers import AttemptsSerializer, TrialRequestSerializer, TrialSerializer
from gateway.explain.standby_list import standbys_then
from gateway.openai import ApiError
from gateway.send_test import try_group
from groups.models import RoutingGroup
from lib.exceptions import NotAllowed
from lib.serializers import row_or_404
from usage.models import RequestRecord
from usage.request_log.recorder import FLUSH_INTERVAL_S, recorder


class AttemptsView(APIView):
    """Every attempt of one request, in order."""

    read_role = Role.STRANGER  # a key without a role may read its own requests

    @extend_schema(responses=AttemptsSerializer)
    def get(self, request: Request, call_id: str) -> Response:
        record, reader = _find(call_id), actor_of(request)
        if record.owner != reader.name and not can_read(reader):
            raise NotAllowed("This request was made by somebody else; reading it takes the role viewer.")
        return Response(
            {
                "call_id": call_id,
                "model_group": record.model_group,
                "choice": _choice(record),
                "attempts": record.attempts,
                "skipped": [*record.skipped, *standbys_then(record)],
                "fell_back": record.fell_back,
            }
        )


class GroupTestView(APIView):
    """One real or mock request through a group."""

    write_role = Role.OPERATOR

    @extend_schema(request=TrialRequestSerializer, responses=TrialSerializer)
    def post(self, request: Request, group_id: str) -> Response:
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        asked = TrialRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            result = try_group(name=group.name, by=actor_of(request), **asked.validated_data)
        except ApiError as error:
            field = str(error.fields["param"] or "detail")
            raise serializers.ValidationError({field: [str(error)]}) from None
        return Response(asdict(result))


def _choice(record: RequestRecord) -> dict[str, Any] | None:
    if not record.virtual_model:
        return None
    return {
        "virtual_model": record.virtual_model,
        "score": record.score,
        "tier": record.virtual_tier,
        "pool": record.model_group,
    }


def _find(call_id: str) -> RequestRecord:
    """The record; waits for the batch of another process that may contain it."""
    deadline = time.monotonic() + 2 * FLUSH_INTERVAL_S
    while True:
        record = recorder.find(call_id) or RequestRecord.objects.find(call_id)
        if record is not None:
            return record
        if time.monotonic() >= deadline:
            raise Http404("No request of the last hours has this id (setting ATTEMPTS_RETENTION_HOURS).")
        time.sleep(0.05)
