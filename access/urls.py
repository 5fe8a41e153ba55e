"""Addresses of this room."""

from django.urls import path

from access import views

urlpatterns = [
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", views.SignOut.as_view(), name="sign-out"),
    path("power-level", views.set_power_level, name="power-level"),
    path("theme", views.set_theme, name="theme"),
]
