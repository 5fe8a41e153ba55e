"""Routing groups, to look at."""

from __future__ import annotations

from django.contrib import admin

from groups.models import Deployment, RoutingGroup
from lib.admin import ReadOnlyAdmin


@admin.register(RoutingGroup)
class RoutingGroupAdmin(ReadOnlyAdmin):
    """How traffic is routed."""

    list_display = ["name", "strategy", "is_active", "revision", "updated_at", "updated_by"]
    search_fields = ["name", "description"]


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    """The models inside the groups."""

    list_display = ["group", "model", "priority", "weight"]
    list_select_related = ["group", "model__provider"]
