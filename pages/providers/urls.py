"""Addresses of these pages."""

from django.urls import path

from pages.providers import changes, connections, cooldowns, views

urlpatterns = [
    path("providers", views.provider_list, name="provider-list"),
    path("providers/figures", views.provider_figures, name="provider-figures"),
    path("providers/new", changes.provider_new, name="provider-new"),
    path("providers/fields", changes.type_fields, name="provider-fields"),
    path("providers/offers", changes.provider_offers, name="provider-offers"),
    path("providers/connection", connections.connection_test, name="connection-test"),
    path("providers/cooldowns", cooldowns.cooldown_list, name="cooldown-list"),
    path("providers/cooldowns/<uuid:group_id>/<uuid:deployment_id>/end", cooldowns.cooldown_end, name="cooldown-end"),
    path("providers/<uuid:provider_id>", views.provider_detail, name="provider-detail"),
    path("providers/<uuid:provider_id>/edit", changes.provider_edit, name="provider-edit"),
    path("providers/<uuid:provider_id>/test", connections.provider_test, name="provider-test"),
    path("providers/<uuid:provider_id>/delete", changes.provider_delete, name="provider-delete"),
]
