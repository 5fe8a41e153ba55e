"""`/api/v1/llm/cooldowns`: the deployments that cool down, and ending a cooldown."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.models import Role
from lib.authors import author_of
from lib.ids import uuids_of
from usage.health import cooldown_board


class CoolingDownSerializer(serializers.Serializer):
    """A deployment that cools down in a group, and the error that caused it."""

    id = serializers.CharField()
    group_id = serializers.UUIDField()
    group = serializers.CharField()
    deployment_id = serializers.UUIDField()
    deployment = serializers.CharField()
    provider = serializers.CharField()
    error_class = serializers.CharField()
    error = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    seconds_left = serializers.FloatField()
    processes = serializers.IntegerField()


class CooldownBoard(serializers.Serializer):
    """All cooldowns of all server processes."""

    cooldowns = CoolingDownSerializer(many=True)
    total = serializers.IntegerField()


class CooldownEnded(serializers.Serializer):
    """The answer to a reset; `processes` is the number of processes in which it cooled down."""

    success = serializers.BooleanField(default=True)
    id = serializers.CharField()
    processes = serializers.IntegerField()


class CooldownList(APIView):
    """The current cooldowns."""

    @extend_schema(responses=CooldownBoard, operation_id="list_cooldowns")
    def get(self, request: Request) -> Response:
        rows = cooldown_board.current_cooldowns()
        return Response({"cooldowns": CoolingDownSerializer(rows, many=True).data, "total": len(rows)})


class CooldownDetail(APIView):
    """One deployment in one group; the id is the board's."""

    write_role = Role.OPERATOR

    @extend_schema(responses=CooldownEnded, operation_id="end_cooldown")
    def delete(self, request: Request, cooldown_id: str) -> Response:
        group_id, deployment_id = _parts(cooldown_id)
        ended = cooldown_board.end_cooldown(by=author_of(request), group_id=group_id, deployment_id=deployment_id)
        if not ended:
            raise Http404("This deployment does not cool down (any more).")
        return Response({"success": True, "id": cooldown_id, "processes": ended})


def _parts(cooldown_id: str) -> tuple[UUID, UUID]:
    match uuids_of(cooldown_id.split(".", 1)):
        case [group, deployment]:
            return group, deployment
    raise Http404("No cooldown has this id.")
