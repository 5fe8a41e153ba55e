"""`/api/v1/llm/status-pages`: where incidents come from. Viewers read, admins import and delete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Count, Max, Min
from drf_spectacular.utils import extend_schema, extend_schema_field
from pydantic_core import to_json
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.exceptions import BadInput
from lib.authors import author_of
from lib.serializers import Page, PageQuery, StrictSerializer, page_answer, row_or_404
from providers.models import ReportedIncident, StatusPage
from providers.serializers import Deleted
from providers.status_pages import actions
from providers.status_pages.actions import Imported

EITHER = "Give the url of a status page, or the content of its incidents.json: one of them."


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "object", "additionalProperties": True}]})
class ContentField(serializers.JSONField):
    """The incidents.json of a page, as text or as it is."""


class StatusPageImport(StrictSerializer):
    """An import: from an address, which is kept and can be refreshed, or from a file."""

    url = serializers.CharField(max_length=actions.LONGEST_URL, required=False, allow_blank=True, default="")
    content = ContentField(required=False, allow_null=True, default=None)
    name = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="The service of the page as a whole; by default the page's own name. Components are NAME-COMPONENT.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs["url"]) == (attrs["content"] is not None):
            raise serializers.ValidationError({"url": [EITHER]})
        return attrs


class StatusPageSerializer(serializers.ModelSerializer):
    """A page, with the number of its incidents and their time."""

    incidents = serializers.IntegerField(source="incident_count", help_text="Of the page as a whole.")
    first = serializers.DateTimeField(allow_null=True)
    last = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = StatusPage
        fields = ("id", "name", "url", "incidents", "first", "last", "refreshed_at", "error")
        read_only_fields = fields


class StatusPagePage(Page):
    """One page of the list."""

    status_pages = StatusPageSerializer(many=True)


class ReportedIncidentSerializer(serializers.ModelSerializer):
    """An incident of one service; the end is null while it is open."""

    class Meta:
        model = ReportedIncident
        fields = ("external_id", "service", "start", "end", "impact")
        read_only_fields = fields


class ReportedIncidentPage(Page):
    """One page of incidents, newest first."""

    incidents = ReportedIncidentSerializer(many=True)


class SkippedSerializer(serializers.Serializer):
    """An incident that was left out."""

    incident = serializers.CharField(help_text="Its id, or its number in the file.")
    why = serializers.CharField()


class ImportedSerializer(serializers.Serializer):
    """What an import changed. Incidents that the page lists no more stay."""

    status_page = StatusPageSerializer()
    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    services = serializers.ListField(child=serializers.CharField())
    skipped = SkippedSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())


def pages_with_counts() -> Any:
    """All pages with `incident_count`, `first` and `last`."""
    counts = Count("incidents__external_id", distinct=True)
    return StatusPage.objects.annotate(
        incident_count=counts, first=Min("incidents__start"), last=Max("incidents__start")
    )


class StatusPageList(APIView):
    """All status pages, and the import."""

    @extend_schema(operation_id="list_status_pages", parameters=[PageQuery], responses=StatusPagePage)
    def get(self, request: Request) -> Response:
        filters, page = PageQuery.filters_and_page(request.query_params)
        rows = pages_with_counts().filter(name__icontains=filters["q"])
        return page_answer("status_pages", rows, StatusPageSerializer, **page)

    @extend_schema(operation_id="import_incidents", request=StatusPageImport, responses=ImportedSerializer)
    def post(self, request: Request) -> Response:
        asked = StatusPageImport.checked(request.data)
        by, content = author_of(request), asked.pop("content")
        with bad_input_as_400():
            if content is None:
                return _answer(actions.import_from_url(by=by, **asked))
            text = content if isinstance(content, str) else to_json(content)
            return _answer(actions.import_content(by=by, content=text, name=asked["name"]))


class StatusPageDetail(APIView):
    """One status page."""

    @extend_schema(operation_id="read_status_page", responses=StatusPageSerializer)
    def get(self, request: Request, page_id: str) -> Response:
        return Response(StatusPageSerializer(row_or_404(pages_with_counts(), page_id)).data)

    @extend_schema(operation_id="delete_status_page", responses=Deleted)
    def delete(self, request: Request, page_id: str) -> Response:
        page = row_or_404(StatusPage.objects.all(), page_id)
        actions.forget(page, by=author_of(request))
        return Response({"success": True, "id": page_id, "deleted": True})


class StatusPageIncidents(APIView):
    """The incidents of one page."""

    @extend_schema(operation_id="list_reported_incidents", parameters=[PageQuery], responses=ReportedIncidentPage)
    def get(self, request: Request, page_id: str) -> Response:
        page = row_or_404(StatusPage.objects.all(), page_id)
        filters, asked = PageQuery.filters_and_page(request.query_params)
        rows = page.incidents.filter(service__icontains=filters["q"])
        return page_answer("incidents", rows, ReportedIncidentSerializer, **asked)


class StatusPageRefresh(APIView):
    """Asks a page again."""

    @extend_schema(operation_id="refresh_status_page", request=None, responses=ImportedSerializer)
    def post(self, request: Request, page_id: str) -> Response:
        page = row_or_404(StatusPage.objects.all(), page_id)
        with bad_input_as_400():
            return _answer(actions.refresh(page, by=author_of(request)))


@contextmanager
def bad_input_as_400() -> Iterator[None]:
    """The engine's BadInput as an error of DRF."""
    try:
        yield
    except BadInput as error:
        raise serializers.ValidationError({error.field: [error.message]}) from None


def _answer(imported: Imported) -> Response:
    page = pages_with_counts().get(pk=imported.page.pk)
    return Response({"status_page": StatusPageSerializer(page).data, **imported.to_json()})
