"""The URLs of this room."""

from django.urls import path

from interchange import api

urlpatterns = [
    # Before the detail route, which would take their names as ids.
    path("v1/routing_group/export", api.RoutingGroupExport.as_view(), name="api-group-export"),
    path("v1/routing_group/import", api.RoutingGroupImport.as_view(), name="api-group-import"),
]
