"""Providers, models and the hints of keys, to look at."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from lib.admin import ReadOnlyAdmin
from providers.models import LanguageModel, Provider, ProviderKey


@admin.register(Provider)
class ProviderAdmin(ReadOnlyAdmin):
    """Who can answer."""

    list_display: ClassVar = ["name", "type", "status", "priority", "updated_at", "updated_by"]
    search_fields: ClassVar = ["name", "type"]


@admin.register(LanguageModel)
class LanguageModelAdmin(ReadOnlyAdmin):
    """The catalog."""

    list_display: ClassVar = ["name", "provider", "input_cost_per_million", "output_cost_per_million", "enabled"]
    list_select_related: ClassVar = ["provider"]
    search_fields: ClassVar = ["name", "display_name"]


@admin.register(ProviderKey)
class ProviderKeyAdmin(ReadOnlyAdmin):
    """Which providers have a key; the ciphertext stays out of sight."""

    list_display: ClassVar = ["provider", "hint", "updated_at"]
    list_select_related: ClassVar = ["provider"]
    fields: ClassVar = ["provider", "hint", "updated_at"]
