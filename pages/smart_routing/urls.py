"""The URLs of these pages."""

from django.urls import path

from pages.smart_routing import calibration, playground, rule_editor, virtual_models

urlpatterns = [
    path("virtual-models", virtual_models.virtual_list, name="virtual-list"),
    path("virtual-models/new", virtual_models.virtual_new, name="virtual-new"),
    path("virtual-models/templates", virtual_models.virtual_templates, name="virtual-templates"),
    path("virtual-models/<uuid:virtual_model_id>/edit", virtual_models.virtual_edit, name="virtual-edit"),
    path("virtual-models/<uuid:virtual_model_id>/switch", virtual_models.virtual_switch, name="virtual-switch"),
    path("virtual-models/<uuid:virtual_model_id>/delete", virtual_models.virtual_delete, name="virtual-delete"),
    path("virtual-models/<uuid:virtual_model_id>/calibration", calibration.calibration, name="calibration"),
    path("playground", playground.playground_tab, name="playground-tab"),
    path("routing-rules", rule_editor.routing_rules, name="routing-rules"),
    path("virtual-models/<uuid:virtual_model_id>", playground.playground, name="playground"),
]
