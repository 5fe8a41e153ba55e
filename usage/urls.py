"""Addresses of this room."""

from django.urls import include, path

from usage import alerts_api, api, byok_api, byok_views, cooldown_api, requests_api, rules_views, views

urlpatterns = [
    path("api/v1/llm/usage", api.Usage.as_view(), name="api-usage"),
    path("api/v1/llm/alerts", alerts_api.AlertList.as_view(), name="api-alert-list"),
    path("api/v1/llm/alerts/rules", alerts_api.AlertRuleList.as_view(), name="api-alert-rules"),
    path("api/v1/llm/alerts/test", alerts_api.AlertTest.as_view(), name="api-alert-test"),
    path("api/v1/llm/byok", byok_api.Byok.as_view(), name="api-byok"),
    path("api/v1/llm/cooldowns", cooldown_api.CooldownList.as_view(), name="api-cooldown-list"),
    path("api/v1/llm/cooldowns/<str:cooldown_id>", cooldown_api.CooldownDetail.as_view(), name="api-cooldown-detail"),
    path("api/v1/llm/requests", requests_api.RequestLog.as_view(), name="api-request-list"),
    path("byok", byok_views.byok_list, name="byok-list"),
    path("byok/<int:user_id>", byok_views.byok_detail, name="byok-detail"),
    path("routing-rules", rules_views.routing_rules, name="routing-rules"),
    path("groups/activity", views.group_activity, name="group-activity"),
    path("", include("usage.pages.urls")),
]
