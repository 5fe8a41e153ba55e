"""The OpenAPI schema at `/api/schema` and its page at `/api/docs`, for signed-in people and holders of a key."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from access.authentication import BearerAuthentication


class BearerScheme(OpenApiAuthenticationExtension):
    """The description of our keys in the schema."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The master key or an API key (`sk-rc-…`)."}


class SchemaView(SpectacularAPIView):
    """The schema as YAML, or as JSON with `?format=json`."""

    permission_classes: ClassVar = [IsAuthenticated]


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
