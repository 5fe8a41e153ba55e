"""Addresses of this room."""

from __future__ import annotations

from django.urls import URLPattern, path

from providers import api

api_routes = [
    path("api/v1/llm/providers", api.ProviderList.as_view(), name="api-provider-list"),
    path("api/v1/llm/providers/<str:provider_id>", api.ProviderDetail.as_view(), name="api-provider-detail"),
    path("api/v1/llm/models", api.ModelList.as_view(), name="api-model-list"),
    path("api/v1/llm/models/<str:model_id>", api.ModelDetail.as_view(), name="api-model-detail"),
]

urlpatterns: list[URLPattern] = [*api_routes]
