"""Usage as CSV files, streamed for any number of rows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from access.models import Role
from pages.guards import PersonRequest, requires
from pages.traffic.usage_form import UsageForm
from usage.request_log import csv_export

reader = requires(Role.VIEWER, to="see what happened")


@require_safe
@reader
def requests_csv(request: PersonRequest) -> HttpResponseBase:
    """The request log, the whole log: one line per request, oldest first."""
    form = UsageForm(request.GET)
    if not form.is_valid():
        return _refused(form)
    return _file(csv_export.requests_csv(form.asked), f"requests-{form.file_part}")


@require_safe
@reader
def costs_csv(request: PersonRequest) -> HttpResponseBase:
    """The cost by day, provider, model, team and key."""
    form = UsageForm(request.GET)
    if not form.is_valid():
        return _refused(form)
    return _file(csv_export.costs_csv(form.asked), f"costs-{form.file_part}")


@require_safe
@requires(Role.STRANGER, to="see your usage")
def my_requests_csv(request: PersonRequest) -> HttpResponseBase:
    """The requests of the caller only."""
    form = UsageForm(request.GET)
    if not form.is_valid():
        return _refused(form)
    return _file(csv_export.requests_csv(form.asked_by(request.user)), f"my-requests-{form.file_part}")


def _file(lines: AsyncIterator[bytes], name: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _refused(form: UsageForm) -> HttpResponse:
    return HttpResponse(form.errors.as_text(), status=400, content_type="text/plain; charset=utf-8")
