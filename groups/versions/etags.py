"""`If-Match`: the versions that a caller names, in every API of this room."""

from __future__ import annotations

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag you loaded; 412 if it has changed since."
)


def if_match(request: Request) -> list[str] | None:
    """The version tags of the header; None without the header, which checks nothing."""
    header = request.headers.get("If-Match")
    return None if header is None else parse_etags(header)
