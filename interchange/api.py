"""`/v1/routing_group/export` and `/import`: groups as files. Viewers export, operators import."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.authentication import actor_of
from access.models import Role
from interchange import imports
from interchange.downloads import attachment, chosen_groups
from interchange.files import FileFormat, bundle_from, checked
from interchange.planning.plan_report import report_of
from lib.serializers import StrictSerializer, errors_named

IDS, SAY_IDS = r"^[0-9A-Fa-f, -]*$", "Give ids of routing groups, with commas between them."


class ExportQuery(serializers.Serializer):
    """The groups and the format. `ids`: comma-separated; without them all groups."""

    format = serializers.ChoiceField(choices=FileFormat.choices, default=FileFormat.JSON)
    ids = serializers.RegexField(
        IDS, required=False, allow_blank=True, max_length=40_000, error_messages={"invalid": SAY_IDS}
    )


class ImportSerializer(StrictSerializer):
    """A file to import. `content` is its text; without `format` it is detected from the text."""

    format = serializers.ChoiceField(choices=FileFormat.choices, default="", allow_blank=True)
    content = serializers.CharField(trim_whitespace=False, max_length=2_000_000)
    dry_run = serializers.BooleanField(default=True)


class ImportedDifference(serializers.Serializer):
    """One field of a group before and after."""

    what = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class ImportedLine(serializers.Serializer):
    """One thing of the file: a group, a provider, a model, an alias, or a setting that was left out."""

    kind = serializers.ChoiceField(choices=["group", "provider", "model", "alias", "setting"])
    name = serializers.CharField()
    why = serializers.CharField()
    changes = ImportedDifference(many=True)


class ImportReport(serializers.Serializer):
    """The result of the import, or (`dry_run`) the expected one."""

    dry_run = serializers.BooleanField()
    format = serializers.ChoiceField(choices=FileFormat.choices)
    created = ImportedLine(many=True)
    changed = ImportedLine(many=True)
    unchanged = ImportedLine(many=True)
    skipped = ImportedLine(many=True)


class RoutingGroupExport(APIView):
    """Routing groups as a file."""

    # `format` means the file's format here, not the renderer's.
    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type

    @extend_schema(
        parameters=[ExportQuery],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "application/yaml"): OpenApiResponse(OpenApiTypes.OBJECT, description="A LiteLLM config.yaml."),
        },
        operation_id="export_routing_groups",
    )
    def get(self, request: Request) -> HttpResponse:
        query = ExportQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        ids = query.validated_data.get("ids", "")
        return attachment(chosen_groups(ids), query.validated_data["format"])


class RoutingGroupImport(APIView):
    """Routing groups from a file."""

    write_role = Role.OPERATOR

    @extend_schema(request=ImportSerializer, responses=ImportReport, operation_id="import_routing_groups")
    def post(self, request: Request) -> Response:
        given = ImportSerializer.checked(request.data)
        act = imports.preview_import if given["dry_run"] else imports.import_groups
        with errors_named():
            bundle, file_format = bundle_from(checked(given["content"]), given["format"])
            plan = act(by=actor_of(request), bundle=bundle)
        about = {"dry_run": given["dry_run"], "format": file_format}
        return Response({**about, **report_of(plan).as_json()})
