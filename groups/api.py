"""`/v1/routing_group`: viewers read, operators write."""

from __future__ import annotations

from typing import Any

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
from lib.serializers import errors_named, page_of, row_or_404


class RoutingGroupList(APIView):
    """All routing groups."""

    write_role = Role.OPERATOR

    @extend_schema(
        parameters=[shapes.RoutingGroupQuery], responses=shapes.RoutingGroupPage, operation_id="list_routing_groups"
    )
    def get(self, request: Request) -> Response:
        query = shapes.RoutingGroupQuery.checked(request.query_params)
        page = {"page": query.pop("page"), "size": query.pop("size")}
        rows, about = page_of(RoutingGroup.objects.with_deployments().matching(**query), **page)
        return Response({"routing_groups": shapes.RoutingGroupSerializer(rows, many=True).data, **about})

    @extend_schema(
        request=shapes.RoutingGroupSerializer,
        responses={201: shapes.RoutingGroupSerializer},
        operation_id="create_routing_group",
    )
    def post(self, request: Request) -> Response:
        asked = shapes.RoutingGroupSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with errors_named(**shapes.API_NAMES):
            group = actions.create_group(by=actor_of(request), **asked.validated_data)
        return _answer(_stored(group), status=201)


class RoutingGroupDetail(APIView):
    """One routing group."""

    write_role = Role.OPERATOR

    @extend_schema(responses=shapes.RoutingGroupSerializer, operation_id="read_routing_group")
    def get(self, request: Request, group_id: str) -> Response:
        return _answer(row_or_404(RoutingGroup.objects.with_deployments(), group_id))

    @extend_schema(
        parameters=[IF_MATCH],
        request=shapes.RoutingGroupSerializer,
        responses=shapes.RoutingGroupSerializer,
        operation_id="replace_routing_group",
    )
    def put(self, request: Request, group_id: str) -> Response:
        return self._update(request, group_id, partial=False)

    @extend_schema(
        parameters=[IF_MATCH],
        request=shapes.RoutingGroupSerializer(partial=True),
        responses=shapes.RoutingGroupSerializer,
        operation_id="change_routing_group",
    )
    def patch(self, request: Request, group_id: str) -> Response:
        return self._update(request, group_id, partial=True)

    @extend_schema(parameters=[IF_MATCH], responses=shapes.RoutingGroupDeleted, operation_id="delete_routing_group")
    def delete(self, request: Request, group_id: str) -> Response:
        group = _group(group_id)
        actions.delete_group(by=actor_of(request), group=group, if_match=if_match(request))
        return Response({"routing_group_id": str(group.id), "deleted": True})

    def _update(self, request: Request, group_id: str, *, partial: bool) -> Response:
        group = _group(group_id)
        asked = shapes.RoutingGroupSerializer(data=request.data, partial=partial)
        asked.is_valid(raise_exception=True)
        changes: dict[str, Any] = {**asked.validated_data, "if_match": if_match(request)}
        with errors_named(**shapes.API_NAMES):
            actions.update_group(by=actor_of(request), group=group, **changes)
        return _answer(_stored(group))


def _group(group_id: str) -> RoutingGroup:
    return row_or_404(RoutingGroup.objects.all(), group_id)


def _stored(group: RoutingGroup) -> RoutingGroup:
    return RoutingGroup.objects.with_deployments().get(pk=group.pk)


def _answer(group: RoutingGroup, *, status: int = 200) -> Response:
    return Response(shapes.RoutingGroupSerializer(group).data, status=status, headers={"ETag": group.etag})
