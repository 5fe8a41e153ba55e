"""Usage as CSV files, streamed for any number of rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from access.models import Role
from pages.forms import no_file
from pages.guards import PersonRequest, requires
from pages.traffic.usage_form import UsageForm
from usage.request_log import csv_export

reader = requires(Role.VIEWER, to="see what happened")


@require_safe
@reader
def requests_csv(request: PersonRequest) -> HttpResponseBase:
    """The request log, the whole log: one line per request, oldest first."""
    return _file(request, "requests", lambda form: csv_export.requests_csv(form.asked))


@require_safe
@reader
def costs_csv(request: PersonRequest) -> HttpResponseBase:
    """The cost by day, provider, model, team and key."""
    return _file(request, "costs", lambda form: csv_export.costs_csv(form.asked))


@require_safe
@requires(Role.STRANGER, to="see your usage")
def my_requests_csv(request: PersonRequest) -> HttpResponseBase:
    """The requests of the caller only."""
    return _file(request, "my-requests", lambda form: csv_export.requests_csv(form.asked_by(request.user)))


def _file(request: PersonRequest, name: str, lines: Callable[[UsageForm], AsyncIterator[bytes]]) -> HttpResponseBase:
    form = UsageForm(request.GET)
    if not form.is_valid():
        return no_file(form)
    headers = {"Content-Disposition": f'attachment; filename="{name}-{form.file_part}.csv"'}
    return StreamingHttpResponse(lines(form), content_type="text/csv; charset=utf-8", headers=headers)
