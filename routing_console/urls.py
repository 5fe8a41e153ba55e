"""Every URL of the console, by room. The gateway's hot routes are answered in `asgi.py`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from routing_console.openapi import DocsView, SchemaView

urlpatterns = [
    path("", include("pages.urls")),
    path("", include("access.urls")),
    path("", include("providers.urls")),
    # Before the groups, which would take `export` and `import` as ids.
    path("", include("interchange.urls")),
    path("", include("groups.urls")),
    path("", include("usage.urls")),
    path("", include("gateway.urls")),
    path("", include("tester.urls")),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(), name="api-docs"),
    path("admin/", admin.site.urls),
]

handler404 = "routing_console.error_answers.not_found"
handler500 = "routing_console.error_answers.server_error"
