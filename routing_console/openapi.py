"""The OpenAPI schema at `/api/schema` and its page at `/api/docs`, for signed-in people and holders of a key."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any, ClassVar

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from access.authentication import BearerAuthentication


class BearerScheme(OpenApiAuthenticationExtension):
    """The description of our keys in the schema."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The master key or an API key (`sk-rc-…`)."}


_making = Lock()


RENDERERS: dict[str, type[BaseRenderer]] = {one.format: one for one in (OpenApiYamlRenderer, OpenApiJsonRenderer)}


@cache
def _made(format: str) -> str | bytes:
    """It depends on the code alone, and is the same for everybody."""
    schema = SpectacularAPIView.generator_class().get_schema(request=None, public=True)
    written: str | bytes = RENDERERS[format]().render(schema, renderer_context={})
    return written


class SchemaView(SpectacularAPIView):
    """The schema as YAML, or as JSON with `?format=json`; made once in a process, which takes a second."""

    permission_classes: ClassVar = [IsAuthenticated]

    def _get_schema_response(self, request: Request) -> HttpResponseBase:
        if "version" in request.GET or "lang" in request.GET:  # made for this request
            answer: HttpResponseBase = super()._get_schema_response(request)
            return answer
        kind = request.accepted_renderer
        with _making:  # those who ask at the same time wait for the first
            content = _made(kind.format)
        headers = {"Content-Disposition": f'inline; filename="{self._get_filename(request, None)}"'}
        charset = f"; charset={kind.charset}" if kind.charset else ""
        return HttpResponse(content, content_type=f"{kind.media_type}{charset}", headers=headers)


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI. Its script is a second answer of this view, so that the page needs no inline script or style."""

    template_name = "api_docs.html"
    permission_classes: ClassVar[list[Any]] = []
    url_name = "schema"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not getattr(request.user, "is_authenticated", False):
            return redirect_to_login(request.get_full_path())
        answer: HttpResponseBase = super().get(request, *args, **kwargs)
        return answer
