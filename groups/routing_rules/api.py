"""`/api/v1/llm/routing/rules`: viewers read, operators write."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from groups.models import RoutingRules
from groups.routing_rules import actions
from groups.routing_rules.checks import problems_of
from groups.routing_rules.power_levels import LevelStrategy
from groups.versions.etags import IF_MATCH, if_match
from lib.serializers import StrictSerializer, errors_named


class WeightsSerializer(StrictSerializer):
    """The relative weights of the strategy `custom`."""

    cost = serializers.FloatField(min_value=0, default=0)
    latency = serializers.FloatField(min_value=0, default=0)
    quality = serializers.FloatField(min_value=0, default=0)


class RoutingRulesSerializer(StrictSerializer):
    """The rules. On input, absent fields stay as they are."""

    strategy = serializers.ChoiceField(
        choices=list(LevelStrategy), required=False, help_text="The strategy of plain `auto`."
    )
    weights = WeightsSerializer(required=False)
    fallback_providers = serializers.ListField(
        child=serializers.CharField(max_length=128),
        required=False,
        help_text="Ids, names or types of providers that models called by their own name fall back to, in order.",
    )
    model_aliases = serializers.DictField(
        child=serializers.CharField(max_length=256),
        required=False,
        help_text="Alias -> routing group, virtual model, power level or `provider/model`.",
    )
    problems = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Stored entries whose target no longer exists."
    )
    revision = serializers.IntegerField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)
    updated_by = serializers.CharField(read_only=True)


class RoutingRulesView(APIView):
    """How a model is chosen for clients that name no routing group."""

    write_role = Role.OPERATOR

    @extend_schema(responses=RoutingRulesSerializer, operation_id="read_routing_rules")
    def get(self, request: Request) -> Response:
        return _answer(RoutingRules.objects.current())

    @extend_schema(
        parameters=[IF_MATCH],
        request=RoutingRulesSerializer,
        responses=RoutingRulesSerializer,
        operation_id="change_routing_rules",
    )
    def put(self, request: Request) -> Response:
        fields = RoutingRulesSerializer.checked(request.data)
        with errors_named():
            return _answer(actions.update_rules(by=actor_of(request), if_match=if_match(request), **fields))


def _answer(rules: RoutingRules) -> Response:
    about = {**RoutingRulesSerializer(rules).data, "problems": problems_of(rules)}
    return Response(about, headers={"ETag": rules.etag})
