"""Addresses of these pages."""

from django.urls import path

from usage.pages import (
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
)
from usage.pages import requests as log

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
    path("requests", log.request_list, name="request-list"),
    path("requests/news", log.request_news, name="request-news"),
    path("requests/<slug:call_id>", log.request_detail, name="request-detail"),
    path("usage", analytics.usage, name="usage"),
    path("usage/charts/<slug:slug>.svg", analytics.usage_chart, name="usage-chart"),
    path("usage/suggestions", analytics.usage_suggestions, name="usage-suggestions"),
    path("usage/requests.csv", exports.requests_csv, name="usage-requests-csv"),
    path("usage/costs.csv", exports.costs_csv, name="usage-costs-csv"),
    path("usage/me", mine.my_usage, name="my-usage"),
    path("usage/me/requests.csv", exports.my_requests_csv, name="my-requests-csv"),
]
