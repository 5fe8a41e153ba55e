"""The URLs of these pages."""

from django.urls import path

from pages.providers import connection_test, cooldown_list, editing, status_list, stopping, views

urlpatterns = [
    path("providers", views.provider_list, name="provider-list"),
    path("providers/figures", views.provider_figures, name="provider-figures"),
    path("providers/new", editing.provider_new, name="provider-new"),
    path("providers/fields", editing.type_fields, name="provider-fields"),
    path("providers/offers", editing.provider_offers, name="provider-offers"),
    path("providers/connection", connection_test.connection_test, name="connection-test"),
    path("providers/cooldowns", cooldown_list.cooldown_list, name="cooldown-list"),
    path("providers/cooldowns/<str:breaker>/stop", stopping.cooldown_trip, name="cooldown-trip"),
    path("providers/cooldowns/<str:breaker>/end", cooldown_list.cooldown_end, name="cooldown-end"),
    path("providers/status-pages", status_list.status_page_list, name="status-page-list"),
    path("providers/status-pages/<uuid:page_id>/refresh", status_list.status_page_refresh, name="status-page-refresh"),
    path("providers/status-pages/<uuid:page_id>/delete", status_list.status_page_delete, name="status-page-delete"),
    path("providers/<uuid:provider_id>", views.provider_detail, name="provider-detail"),
    path("providers/<uuid:provider_id>/edit", editing.provider_edit, name="provider-edit"),
    path("providers/<uuid:provider_id>/test", connection_test.provider_test, name="provider-test"),
    path("providers/<uuid:provider_id>/delete", editing.provider_delete, name="provider-delete"),
]
