"""The URL of the palette's answers; without htmx it is a page."""

from django.urls import path

from pages.palette.views import search

urlpatterns = [path("search", search, name="search")]
