"""The URLs of these pages."""

from django.urls import path

from pages.alerts import channel_views, views

urlpatterns = [
    path("alerts", views.alert_list, name="alert-list"),
    path("alerts/acknowledge", views.alert_acknowledge, name="alert-acknowledge"),
    path("alerts/resolved", views.alerts_resolved, name="alerts-resolved"),
    path("alerts/channels", views.alert_channels, name="alert-channels"),
    path("alerts/rules", views.alert_rules, name="alert-rules"),
    path("alerts/channels/new", channel_views.channel_new, name="alert-channel-new"),
    path("alerts/channels/<int:channel_id>", channel_views.channel_edit, name="alert-channel"),
    path("alerts/channels/<int:channel_id>/delete", channel_views.channel_delete, name="alert-channel-delete"),
    path("alerts/channels/<int:channel_id>/test", channel_views.channel_test, name="alert-channel-test"),
    path("alerts/test", views.alert_test, name="alert-test"),
]
