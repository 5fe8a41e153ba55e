"""The URLs of these pages."""

from django.urls import path

from pages.alerts import views

urlpatterns = [
    path("alerts", views.alert_list, name="alert-list"),
    path("alerts/rules", views.alert_rules, name="alert-rules"),
    path("alerts/test", views.alert_test, name="alert-test"),
]
