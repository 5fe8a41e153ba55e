"""Error answers outside any view: JSON for programs, a page for people."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

FOR_PROGRAMS = ("/v1/", "/api/")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(FOR_PROGRAMS):
        return JsonResponse(
            {"detail": f"There is nothing at {request.path[:200]}; /api/docs lists what is."}, status=404
        )
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(FOR_PROGRAMS):
        return JsonResponse({"detail": "The console failed on this request; its log says why."}, status=500)
    return defaults.server_error(request)
