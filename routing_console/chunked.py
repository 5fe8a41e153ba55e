"""Bodies sent in chunks, without a Content-Length."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

WITH_BODY = ("POST", "PUT", "PATCH")


def length_of_chunked_bodies(get_response: Callable[[HttpRequest], HttpResponseBase]) -> object:
    """Middleware that adds the length: DRF treats a body without one as empty, and the request would change nothing."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.method in WITH_BODY and "CONTENT_LENGTH" not in request.META:
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return get_response(request)

    return middleware
