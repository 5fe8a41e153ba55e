"""The Django admin of routing groups and virtual models; read only."""

from __future__ import annotations

from django.contrib import admin

from groups.models import Deployment, RoutingGroup, VirtualModel, VirtualTier
from lib.admin import ReadOnlyAdmin


@admin.register(RoutingGroup)
class RoutingGroupAdmin(ReadOnlyAdmin):
    """Routing groups."""

    list_display = ["name", "strategy", "is_active", "revision", "updated_at", "updated_by"]
    search_fields = ["name", "description"]


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    """The models inside the groups."""

    list_display = ["group", "model", "priority", "weight"]
    list_select_related = ["group", "model__provider"]


@admin.register(VirtualModel)
class VirtualModelAdmin(ReadOnlyAdmin):
    """Names that lead to a pool by the complexity of the message."""

    list_display = ["name", "default_tier", "is_active", "revision", "updated_at", "updated_by"]
    search_fields = ["name", "description"]


@admin.register(VirtualTier)
class VirtualTierAdmin(ReadOnlyAdmin):
    """The tiers of the virtual models."""

    list_display = ["virtual_model", "name", "minimum_score", "pool"]
    list_select_related = ["virtual_model", "pool"]
