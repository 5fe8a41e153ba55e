"""Addresses of this room."""

from django.urls import path

from groups import views

urlpatterns = [
    path("", views.home, name="home"),
    path("groups", views.group_list, name="group-list"),
    path("groups/<uuid:group_id>", views.group_detail, name="group-detail"),
]
