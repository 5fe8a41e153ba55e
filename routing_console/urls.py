"""Every address of the console, by room. The gateway's hot routes are answered in `asgi.py`."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("access.urls")),
    path("", include("providers.urls")),
    path("", include("groups.urls")),
    path("", include("gateway.urls")),
    path("admin/", admin.site.urls),
]
