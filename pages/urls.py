"""Addresses of all pages, by entry of the sidebar."""

from django.urls import include, path

urlpatterns = [
    path("", include("pages.overview.urls")),
]
