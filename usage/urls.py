"""Addresses of this room."""

from django.urls import include, path

from usage import cooldown_api, rules_views, views

urlpatterns = [
    path("api/v1/llm/cooldowns", cooldown_api.CooldownList.as_view(), name="api-cooldown-list"),
    path("api/v1/llm/cooldowns/<str:cooldown_id>", cooldown_api.CooldownDetail.as_view(), name="api-cooldown-detail"),
    path("routing-rules", rules_views.routing_rules, name="routing-rules"),
    path("groups/activity", views.group_activity, name="group-activity"),
    path("", include("usage.pages.urls")),
]
