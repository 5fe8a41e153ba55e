"""Addresses of this room; its hot routes (`/v1/chat/completions` ...) are answered in `asgi.py`."""

from django.urls import path

from gateway import api, views

urlpatterns = [
    path("v1/requests/<str:call_id>/attempts", api.AttemptsView.as_view(), name="api-attempts"),
    path("v1/routing_group/<uuid:group_id>/test", api.GroupTestView.as_view(), name="api-group-test"),
    path("groups/<uuid:group_id>/test", views.test_form, name="group-test"),
]
