"""`/v1/virtual_models`: viewers read, operators write."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from groups.models import VirtualModel
from groups.versions.etags import IF_MATCH, if_match
from groups.virtual import actions
from groups.virtual import serializers as shapes
from groups.virtual.templates import install_templates
from lib.serializers import errors_named, page_answer, row_or_404


class VirtualModelList(APIView):
    """All virtual models."""

    write_role = Role.OPERATOR

    @extend_schema(
        parameters=[shapes.VirtualModelQuery], responses=shapes.VirtualModelPage, operation_id="list_virtual_models"
    )
    def get(self, request: Request) -> Response:
        filters, page = shapes.VirtualModelQuery.filters_and_page(request.query_params)
        rows = VirtualModel.objects.with_tiers().matching(**filters)
        return page_answer("virtual_models", rows, shapes.VirtualModelSerializer, **page)

    @extend_schema(
        request=shapes.VirtualModelSerializer,
        responses={201: shapes.VirtualModelSerializer},
        operation_id="create_virtual_model",
    )
    def post(self, request: Request) -> Response:
        fields = shapes.VirtualModelSerializer.checked(request.data)
        with errors_named():
            row = actions.create_virtual_model(by=actor_of(request), **fields)
        return _answer(_stored(row), status=201)


class VirtualModelDetail(APIView):
    """One virtual model."""

    write_role = Role.OPERATOR

    @extend_schema(responses=shapes.VirtualModelSerializer, operation_id="read_virtual_model")
    def get(self, request: Request, virtual_model_id: str) -> Response:
        return _answer(row_or_404(VirtualModel.objects.with_tiers(), virtual_model_id))

    @extend_schema(methods=["PUT"], operation_id="replace_virtual_model", request=shapes.VirtualModelSerializer)
    @extend_schema(
        methods=["PATCH"], operation_id="change_virtual_model", request=shapes.VirtualModelSerializer(partial=True)
    )
    @extend_schema(parameters=[IF_MATCH], responses=shapes.VirtualModelSerializer)
    def put(self, request: Request, virtual_model_id: str) -> Response:
        row = row_or_404(VirtualModel.objects.all(), virtual_model_id)
        fields = shapes.VirtualModelSerializer.checked(request.data, partial=request.method == "PATCH")
        with errors_named():
            actions.update_virtual_model(by=actor_of(request), virtual_model=row, if_match=if_match(request), **fields)
        return _answer(_stored(row))

    patch = put

    @extend_schema(parameters=[IF_MATCH], responses=shapes.VirtualModelDeleted, operation_id="delete_virtual_model")
    def delete(self, request: Request, virtual_model_id: str) -> Response:
        row = row_or_404(VirtualModel.objects.all(), virtual_model_id)
        actions.delete_virtual_model(by=actor_of(request), virtual_model=row, if_match=if_match(request))
        return Response({"id": str(row.id), "deleted": True})


class VirtualModelTemplates(APIView):
    """Creates the virtual models of the templates."""

    write_role = Role.OPERATOR

    @extend_schema(
        request=None, responses={201: shapes.InstalledTemplates}, operation_id="install_virtual_model_templates"
    )
    def post(self, request: Request) -> Response:
        with errors_named():
            added = install_templates(by=actor_of(request))
        return Response({"virtual_models": added.virtual_models, "pools": added.pools}, status=201)


def _stored(row: VirtualModel) -> VirtualModel:
    return VirtualModel.objects.with_tiers().get(pk=row.pk)


def _answer(row: VirtualModel, *, status: int = 200) -> Response:
    return Response(shapes.VirtualModelSerializer(row).data, status=status, headers={"ETag": row.etag})
