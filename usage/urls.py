"""Addresses of this room."""

from django.urls import path

from usage import byok_views, rules_views, views
from usage.api import alerts as api_alerts
from usage.api import byok, usage
from usage.api import cooldowns as api_cooldowns
from usage.api import requests as api_requests
from usage.pages import (
    alerts,
    analytics,
    catalog,
    connections,
    cooldowns,
    exports,
    mine,
    model_changes,
    models,
    provider_changes,
    providers,
    requests,
)

urlpatterns = [
    path("providers", providers.provider_list, name="provider-list"),
    path("providers/figures", providers.provider_figures, name="provider-figures"),
    path("providers/new", provider_changes.provider_new, name="provider-new"),
    path("providers/fields", provider_changes.type_fields, name="provider-fields"),
    path("providers/offers", provider_changes.provider_offers, name="provider-offers"),
    path("providers/connection", connections.connection_test, name="connection-test"),
    path("providers/cooldowns", cooldowns.cooldown_list, name="cooldown-list"),
    path("providers/cooldowns/<uuid:group_id>/<uuid:deployment_id>/end", cooldowns.cooldown_end, name="cooldown-end"),
    path("providers/<uuid:provider_id>", providers.provider_detail, name="provider-detail"),
    path("providers/<uuid:provider_id>/edit", provider_changes.provider_edit, name="provider-edit"),
    path("providers/<uuid:provider_id>/test", connections.provider_test, name="provider-test"),
    path("providers/<uuid:provider_id>/delete", provider_changes.provider_delete, name="provider-delete"),
    path("providers/<uuid:provider_id>/models", model_changes.models_add, name="models-add"),
    path("models", models.model_list, name="model-list"),
    path("models/figures", models.model_figures, name="model-figures"),
    path("models/new", model_changes.model_new, name="model-new"),
    path("models/news", catalog.catalog_news, name="catalog-news"),
    path("models/<uuid:model_id>", models.model_detail, name="model-detail"),
    path("models/<uuid:model_id>/edit", model_changes.model_edit, name="model-edit"),
    path("models/<uuid:model_id>/switch", model_changes.model_switch, name="model-switch"),
    path("models/<uuid:model_id>/delete", model_changes.model_delete, name="model-delete"),
    path("alerts", alerts.alert_list, name="alert-list"),
    path("alerts/rules", alerts.alert_rules, name="alert-rules"),
    path("alerts/test", alerts.alert_test, name="alert-test"),
    path("requests", requests.request_list, name="request-list"),
    path("requests/news", requests.request_news, name="request-news"),
    path("requests/<slug:call_id>", requests.request_detail, name="request-detail"),
    path("usage", analytics.usage, name="usage"),
    path("usage/charts/<slug:slug>.svg", analytics.usage_chart, name="usage-chart"),
    path("usage/suggestions", analytics.usage_suggestions, name="usage-suggestions"),
    path("usage/requests.csv", exports.requests_csv, name="usage-requests-csv"),
    path("usage/costs.csv", exports.costs_csv, name="usage-costs-csv"),
    path("usage/me", mine.my_usage, name="my-usage"),
    path("usage/me/requests.csv", exports.my_requests_csv, name="my-requests-csv"),
    path("api/v1/llm/usage", usage.Usage.as_view(), name="api-usage"),
    path("api/v1/llm/alerts", api_alerts.AlertList.as_view(), name="api-alert-list"),
    path("api/v1/llm/alerts/rules", api_alerts.AlertRuleList.as_view(), name="api-alert-rules"),
    path("api/v1/llm/alerts/test", api_alerts.AlertTest.as_view(), name="api-alert-test"),
    path("api/v1/llm/byok", byok.Byok.as_view(), name="api-byok"),
    path("api/v1/llm/cooldowns", api_cooldowns.CooldownList.as_view(), name="api-cooldown-list"),
    path("api/v1/llm/cooldowns/<str:cooldown_id>", api_cooldowns.CooldownDetail.as_view(), name="api-cooldown-detail"),
    path("api/v1/llm/requests", api_requests.RequestLog.as_view(), name="api-request-list"),
    path("byok", byok_views.byok_list, name="byok-list"),
    path("byok/<int:user_id>", byok_views.byok_detail, name="byok-detail"),
    path("routing-rules", rules_views.routing_rules, name="routing-rules"),
    path("groups/activity", views.group_activity, name="group-activity"),
]
