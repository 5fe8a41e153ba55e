"""The URLs of this room."""

from django.urls import path

from groups import api
from groups.routing_rules.api import RoutingRulesView
from groups.virtual import api as virtual_api

urlpatterns = [
    path("v1/routing_group", api.RoutingGroupList.as_view(), name="api-group-list"),
    path("v1/routing_group/<str:group_id>", api.RoutingGroupDetail.as_view(), name="api-group-detail"),
    path("v1/virtual_models", virtual_api.VirtualModelList.as_view(), name="api-virtual-list"),
    path("v1/virtual_models/templates", virtual_api.VirtualModelTemplates.as_view(), name="api-virtual-templates"),
    path("api/v1/llm/routing/rules", RoutingRulesView.as_view(), name="api-routing-rules"),
    path(
        "v1/virtual_models/<str:virtual_model_id>", virtual_api.VirtualModelDetail.as_view(), name="api-virtual-detail"
    ),
]
