"""Error answers outside any view: JSON for programs, a page for people."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

from lib.database_link import RETRY_AFTER_S, WHY

FOR_PROGRAMS = ("/v1/", "/api/")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(FOR_PROGRAMS):
        return JsonResponse(
            {"detail": f"There is nothing at {request.path[:200]}; /api/docs lists what is."}, status=404
        )
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return database_away(request.path)
    if request.path.startswith(FOR_PROGRAMS):
        return JsonResponse({"detail": "The console failed on this request; its log says why."}, status=500)
    return defaults.server_error(request)


def database_away(path: str) -> HttpResponse:
    """Made without the database."""
    answer: HttpResponse
    if path.startswith(FOR_PROGRAMS):
        answer = JsonResponse({"detail": WHY}, status=503)
    else:
        answer = HttpResponse(render_to_string("503.html"), status=503)
    answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer
