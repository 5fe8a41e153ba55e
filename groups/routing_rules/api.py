"""`/api/v1/llm/routing/rules`: viewers read, operators write."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from groups.models import RoutingRules
from groups.routing_rules import actions
from groups.routing_rules.checks import problems_of
from groups.routing_rules.serializers import RoutingRulesSerializer
from groups.versions.etags import IF_MATCH, if_match
from lib.serializers import errors_named


class RoutingRulesView(APIView):
    """How a model is found for those who name no routing group."""

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
        asked = RoutingRulesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with errors_named():
            return _answer(
                actions.update_rules(by=actor_of(request), if_match=if_match(request), **asked.validated_data)
            )


def _answer(rules: RoutingRules) -> Response:
    about = {**RoutingRulesSerializer(rules).data, "problems": problems_of(rules)}
    return Response(about, headers={"ETag": rules.etag})
