"""`/v1/routing_group`: viewers read, operators write."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from groups import actions
from groups import serializers as shapes
from groups.models import RoutingGroup
from groups.versions.etags import IF_MATCH, if_match
from lib.serializers import errors_named, page_answer, row_or_404


class RoutingGroupList(APIView):
    """All routing groups."""

    write_role = Role.OPERATOR

    @extend_schema(
        parameters=[shapes.RoutingGroupQuery], responses=shapes.RoutingGroupPage, operation_id="list_routing_groups"
    )
    def get(self, request: Request) -> Response:
        filters, page = shapes.RoutingGroupQuery.filters_and_page(request.query_params)
        rows = RoutingGroup.objects.with_deployments().matching(**filters)
        return page_answer("routing_groups", rows, shapes.RoutingGroupSerializer, **page)

    @extend_schema(
        request=shapes.RoutingGroupSerializer,
        responses={201: shapes.RoutingGroupSerializer},
        operation_id="create_routing_group",
    )
    def post(self, request: Request) -> Response:
        fields = shapes.RoutingGroupSerializer.checked(request.data)
        with errors_named(**shapes.API_NAMES):
            group = actions.create_group(by=actor_of(request), **fields)
        return _answer(_stored(group), status=201)


class RoutingGroupDetail(APIView):
    """One routing group."""

    write_role = Role.OPERATOR

    @extend_schema(responses=shapes.RoutingGroupSerializer, operation_id="read_routing_group")
    def get(self, request: Request, group_id: str) -> Response:
        return _answer(row_or_404(RoutingGroup.objects.with_deployments(), group_id))

    @extend_schema(methods=["PUT"], operation_id="replace_routing_group", request=shapes.RoutingGroupSerializer)
    @extend_schema(
        methods=["PATCH"], operation_id="change_routing_group", request=shapes.RoutingGroupSerializer(partial=True)
    )
    @extend_schema(parameters=[IF_MATCH], responses=shapes.RoutingGroupSerializer)
    def put(self, request: Request, group_id: str) -> Response:
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        fields = shapes.RoutingGroupSerializer.checked(request.data, partial=request.method == "PATCH")
        with errors_named(**shapes.API_NAMES):
            actions.update_group(by=actor_of(request), group=group, if_match=if_match(request), **fields)
        return _answer(_stored(group))

    patch = put

    @extend_schema(parameters=[IF_MATCH], responses=shapes.RoutingGroupDeleted, operation_id="delete_routing_group")
    def delete(self, request: Request, group_id: str) -> Response:
        group = row_or_404(RoutingGroup.objects.all(), group_id)
        actions.delete_group(by=actor_of(request), group=group, if_match=if_match(request))
        return Response({"routing_group_id": str(group.id), "deleted": True})


def _stored(group: RoutingGroup) -> RoutingGroup:
    return RoutingGroup.objects.with_deployments().get(pk=group.pk)


def _answer(group: RoutingGroup, *, status: int = 200) -> Response:
    return Response(shapes.RoutingGroupSerializer(group).data, status=status, headers={"ETag": group.etag})
