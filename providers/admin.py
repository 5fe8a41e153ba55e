"""Providers, models and the hints of keys, to look at."""

from __future__ import annotations

from django.contrib import admin

from lib.admin import ReadOnlyAdmin
from providers.models import LanguageModel, Provider, ProviderKey


@admin.register(Provider)
class ProviderAdmin(ReadOnlyAdmin):
    """Who can answer."""

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
    """Which providers have a key; the ciphertext stays out of sight."""

    list_display = ["provider", "hint", "updated_at"]
    list_select_related = ["provider"]
    fields = ["provider", "hint", "updated_at"]
