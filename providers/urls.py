"""The URLs of this room."""

from django.urls import path

from providers import api
from providers.catalog import api as catalog_api
from providers.health import connection_api
from providers.status_pages import api as status_api

urlpatterns = [
    path("api/v1/llm/providers", api.ProviderList.as_view(), name="api-provider-list"),
    path("api/v1/llm/providers/<str:provider_id>", api.ProviderDetail.as_view(), name="api-provider-detail"),
    path("api/v1/llm/providers/<str:provider_id>/test", connection_api.SavedTest.as_view(), name="api-provider-test"),
    path(
        "api/v1/llm/providers/<str:provider_id>/discover",
        connection_api.Discovery.as_view(),
        name="api-provider-discover",
    ),
    path("api/v1/llm/test", connection_api.UnsavedTest.as_view(), name="api-connection-test"),
    path("api/v1/llm/models", api.ModelList.as_view(), name="api-model-list"),
    path("api/v1/llm/models/<str:model_id>", api.ModelDetail.as_view(), name="api-model-detail"),
    path("api/v1/llm/catalog", catalog_api.CatalogView.as_view(), name="api-catalog"),
    path("api/v1/llm/catalog/updates", catalog_api.CatalogUpdates.as_view(), name="api-catalog-updates"),
    path(
        "api/v1/llm/catalog/updates/accept",
        catalog_api.AcceptCatalogUpdates.as_view(),
        name="api-catalog-updates-accept",
    ),
    path(
        "api/v1/llm/catalog/updates/decline",
        catalog_api.DeclineCatalogUpdates.as_view(),
        name="api-catalog-updates-decline",
    ),
    path("api/v1/llm/status-pages", status_api.StatusPageList.as_view(), name="api-status-page-list"),
    path("api/v1/llm/status-pages/<str:page_id>", status_api.StatusPageDetail.as_view(), name="api-status-page-detail"),
    path(
        "api/v1/llm/status-pages/<str:page_id>/incidents",
        status_api.StatusPageIncidents.as_view(),
        name="api-status-page-incidents",
    ),
    path(
        "api/v1/llm/status-pages/<str:page_id>/refresh",
        status_api.StatusPageRefresh.as_view(),
        name="api-status-page-refresh",
    ),
]
