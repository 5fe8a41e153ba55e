"""`/api/v1/llm/cooldowns`: the deployments and keys that are not asked now, and tripping and closing them by hand."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from lib.serializers import StrictSerializer, errors_named
from usage.health import cooldown_board
from usage.health.tripping import LONGEST_S, SHORTEST_S, WHY_LENGTH, close_breaker, trip_breaker
from usage.models import BreakerState


class CoolingDownSerializer(serializers.Serializer):
    """A deployment (`deployment:UUID`), or all that are called with a provider's key (`key:UUID`), out of use.

    `groups` are those that heed it, `group` and `group_id` the first of them. `cause` is a count of failures (`3×503`),
    or why `by` tripped it. `half_open`: the pause is over, and one request at a time tries it. From `next_probe` on one
    request may try it; where a group has no other deployment, that is before `until`.
    """

    id = serializers.CharField()
    group_id = serializers.UUIDField(allow_null=True)
    group = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    deployment_id = serializers.UUIDField(allow_null=True)
    deployment = serializers.CharField(allow_null=True)
    provider = serializers.CharField()
    state = serializers.ChoiceField(choices=BreakerState.choices)
    cause = serializers.CharField()
    by = serializers.CharField(allow_null=True)
    error_class = serializers.CharField()
    error = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    next_probe = serializers.DateTimeField()
    seconds_left = serializers.FloatField()
    processes = serializers.IntegerField()


class CooldownBoard(serializers.Serializer):
    """All cooldowns of all server processes."""

    cooldowns = CoolingDownSerializer(many=True)
    total = serializers.IntegerField()


class TripSerializer(StrictSerializer):
    """What is not to be asked, for how many seconds, and why; either a deployment or all of a provider."""

    deployment_id = serializers.UUIDField(required=False)
    provider_id = serializers.UUIDField(required=False)
    for_s = serializers.FloatField(min_value=SHORTEST_S, max_value=LONGEST_S)
    why = serializers.CharField(max_length=WHY_LENGTH)


class CooldownEnded(serializers.Serializer):
    """The answer to a reset; `processes` is the number of processes in which it cooled down."""

    success = serializers.BooleanField(default=True)
    id = serializers.CharField()
    processes = serializers.IntegerField()


class CooldownList(APIView):
    """The current cooldowns."""

    write_role = Role.OPERATOR

    @extend_schema(responses=CooldownBoard, operation_id="list_cooldowns")
    def get(self, request: Request) -> Response:
        rows = cooldown_board.current_cooldowns()
        return Response({"cooldowns": CoolingDownSerializer(rows, many=True).data, "total": len(rows)})

    @extend_schema(request=TripSerializer, responses={201: CoolingDownSerializer}, operation_id="trip_breaker")
    def post(self, request: Request) -> Response:
        """Stops using a deployment or a provider for a while, in all processes."""
        asked = TripSerializer.checked(request.data)
        with errors_named():
            tripped = trip_breaker(by=actor_of(request), **asked)
        return Response(CoolingDownSerializer(tripped).data, status=status.HTTP_201_CREATED)


class CooldownDetail(APIView):
    """One of them; the id is the board's."""

    write_role = Role.OPERATOR

    @extend_schema(responses=CooldownEnded, operation_id="end_cooldown")
    def delete(self, request: Request, cooldown_id: str) -> Response:
        """Takes it back into service in all processes."""
        processes = close_breaker(by=actor_of(request), breaker=cooldown_id)
        if processes is None:
            raise Http404("This does not cool down (any more).")
        return Response({"success": True, "id": cooldown_id, "processes": processes})
