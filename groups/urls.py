"""Addresses of this room."""

from django.urls import path

from groups import api, calibration_views, virtual_views
from groups.builder import views
from groups.routing_rules.api import RoutingRulesView
from groups.views import assigned, changes, detail, exchange, history
from groups.views import list as views_list
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
    path("search", views_list.search, name="search"),
    path("groups", views_list.group_list, name="group-list"),
    path("groups/bulk", changes.bulk, name="group-bulk"),
    path("groups/undo/<uuid:token>", changes.undo, name="group-undo"),
    path("groups/new", views.group_new, name="group-new"),
    path("groups/picker", views.model_picker, name="group-picker"),
    path("groups/<uuid:group_id>/edit", views.group_edit, name="group-edit"),
    path("groups/export", exchange.group_export, name="group-export"),
    path("groups/import", exchange.group_import, name="group-import"),
    path("groups/<uuid:group_id>", detail.group_detail, name="group-detail"),
    path("groups/<uuid:group_id>/switch", changes.switch, name="group-switch"),
    path("groups/<uuid:group_id>/delete", changes.delete, name="group-delete"),
    path("groups/<uuid:group_id>/duplicate", changes.duplicate, name="group-duplicate"),
    path("groups/<uuid:group_id>/history", history.group_history, name="group-history"),
    path("groups/<uuid:group_id>/history/<int:entry_id>/restore", history.restore, name="group-restore"),
    path("groups/<uuid:group_id>/use", detail.group_use, name="group-use"),
    path("teams/group-counts", assigned.team_group_counts, name="team-group-counts"),
    path("teams/<uuid:team_id>/groups", assigned.team_groups, name="team-groups"),
    path("virtual-models", virtual_views.virtual_list, name="virtual-list"),
    path("virtual-models/new", virtual_views.virtual_new, name="virtual-new"),
    path("virtual-models/templates", virtual_views.virtual_templates, name="virtual-templates"),
    path("virtual-models/<uuid:virtual_model_id>/edit", virtual_views.virtual_edit, name="virtual-edit"),
    path("virtual-models/<uuid:virtual_model_id>/switch", virtual_views.virtual_switch, name="virtual-switch"),
    path("virtual-models/<uuid:virtual_model_id>/delete", virtual_views.virtual_delete, name="virtual-delete"),
    path("virtual-models/<uuid:virtual_model_id>/calibration", calibration_views.calibration, name="calibration"),
]
