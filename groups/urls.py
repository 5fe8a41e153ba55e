"""Addresses of this room."""

from django.urls import path

from groups import api, views

api_routes = [
    path("v1/routing_group", api.RoutingGroupList.as_view(), name="api-group-list"),
    path("v1/routing_group/<str:group_id>", api.RoutingGroupDetail.as_view(), name="api-group-detail"),
]

urlpatterns = [
    *api_routes,
    path("", views.home, name="home"),
    path("groups", views.group_list, name="group-list"),
    path("groups/<uuid:group_id>", views.group_detail, name="group-detail"),
]
