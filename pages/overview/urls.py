"""The URLs of the overview."""

from django.urls import path

from pages.overview.demo_page import demo
from pages.overview.views import overview

urlpatterns = [path("", overview, name="home"), path("start/demo", demo, name="start-demo")]
