"""The URLs of this room."""

from django.urls import path

from usage.api import alerts, byok, cooldowns, requests, traffic, usage

urlpatterns = [
    path("api/v1/llm/usage", usage.UsageView.as_view(), name="api-usage"),
    path("api/v1/llm/alerts", alerts.AlertList.as_view(), name="api-alert-list"),
    path(
        "api/v1/llm/alerts/<str:alert_id>/acknowledgement",
        alerts.AlertAcknowledgement.as_view(),
        name="api-alert-acknowledgement",
    ),
    path("api/v1/llm/alerts/rules", alerts.AlertRuleList.as_view(), name="api-alert-rules"),
    path("api/v1/llm/alerts/test", alerts.AlertTest.as_view(), name="api-alert-test"),
    path("api/v1/llm/byok", byok.Byok.as_view(), name="api-byok"),
    path("api/v1/llm/cooldowns/<str:cooldown_id>", cooldowns.CooldownDetail.as_view(), name="api-cooldown-detail"),
    path("v1/routing_group/<str:group_id>/traffic", traffic.TrafficView.as_view(), name="api-group-traffic"),
    path("api/v1/llm/requests", requests.RequestLog.as_view(), name="api-request-list"),
]
