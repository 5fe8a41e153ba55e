"""The URLs of the guided start."""

from django.urls import path

from pages.start.app_key_step import app_key_step, first_call
from pages.start.group_step import group_step
from pages.start.key_step import key_step
from pages.start.models_step import models_step

PROVIDER, GROUP = "start/<uuid:provider_id>", "group/<uuid:group_id>"
urlpatterns = [
    path("start", key_step, name="start"),
    path(PROVIDER, key_step, name="start-provider"),
    path(f"{PROVIDER}/models", models_step, name="start-models"),
    path(f"{PROVIDER}/group", group_step, name="start-group"),
    path(f"{PROVIDER}/{GROUP}", group_step, name="start-group-again"),
    path(f"{PROVIDER}/{GROUP}/key", app_key_step, name="start-api-key"),
    path(f"{PROVIDER}/{GROUP}/call", first_call, name="start-call"),
]
