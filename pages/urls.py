"""The URLs of all pages, by entry of the sidebar."""

from django.urls import include, path

urlpatterns = [
    path("", include("pages.overview.urls")),
    path("", include("pages.start.urls")),
    path("", include("pages.palette.urls")),
    path("", include("pages.groups.urls")),
    path("", include("pages.smart_routing.urls")),
    path("", include("pages.live_tester.urls")),
    path("", include("pages.providers.urls")),
    path("", include("pages.models.urls")),
    path("", include("pages.traffic.urls")),
    path("", include("pages.alerts.urls")),
    path("", include("pages.access.urls")),
]
