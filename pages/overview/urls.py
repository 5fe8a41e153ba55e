"""The URLs of the overview."""

from django.urls import path

from pages.overview.views import overview

urlpatterns = [path("", overview, name="home")]
