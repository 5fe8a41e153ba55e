"""The Django admin of providers, models and the hints of keys; read only."""

from __future__ import annotations

from django.contrib import admin

from lib.admin import ReadOnlyAdmin
from providers.models import LanguageModel, Provider, ProviderKey


@admin.register(Provider)
class ProviderAdmin(ReadOnlyAdmin):
    """Providers."""

    list_display = ["name", "type", "status", "priority", "updated_at", "updated_by"]
    search_fields = ["name", "type"]


@admin.register(LanguageModel)
class LanguageModelAdmin(ReadOnlyAdmin):
    """The catalog."""

    list_display = ["name", "provider", "input_cost_per_million", "output_cost_per_million", "enabled"]
    list_select_related = ["provider"]
    search_fields = ["name", "display_name"]


@admin.register(ProviderKey)
class ProviderKeyAdmin(ReadOnlyAdmin):
    """The keys of providers by their hints; the ciphertext is not shown."""

    list_display = ["provider", "hint", "updated_at"]
    list_select_related = ["provider"]
    fields = ["provider", "hint", "updated_at"]
