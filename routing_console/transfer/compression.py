"""Pages, REST and static files, compressed for who accepts it.

The gateway's answers and the event streams never come here. BREACH guesses a secret from the length of a compressed
answer that repeats a caller's text beside it: Django gives each form a token masked afresh and each compressed answer
a length that varies by chance, session cookies are SameSite, and provider keys are on no page.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TEXT = frozenset({"application/json", "application/javascript", "application/x-ndjson", "image/svg+xml"})


class Compression(GZipMiddleware):
    """Text alone: fonts and pictures are compressed already."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # A part of a file counts its bytes uncompressed; what has no body gets none.
        if response.status_code in (204, 206, 304) or request.method == "HEAD" or not _is_text(response):
            return response
        # Django packs each piece of an asynchronous stream as a file of its own, and browsers read only the first.
        if getattr(response, "is_async", False):
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


def _is_text(response: HttpResponseBase) -> bool:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    return (kind.startswith("text/") and kind != "text/event-stream") or kind in TEXT
