"""Addresses of this room."""

from django.urls import path

from usage import cooldown_api, views

urlpatterns = [
    path("api/v1/llm/cooldowns", cooldown_api.CooldownList.as_view(), name="api-cooldown-list"),
    path("api/v1/llm/cooldowns/<str:cooldown_id>", cooldown_api.CooldownDetail.as_view(), name="api-cooldown-detail"),
    path("groups/activity", views.group_activity, name="group-activity"),
]
