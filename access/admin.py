"""People and the hints of their keys, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group

from access.models import ApiKey, User
from lib.admin import ReadOnlyAdmin

# Django's permission groups are not ours: rights come from the role.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Who may sign in; password hashes stay out of sight."""

    list_display = ["username", "role", "is_active", "last_login"]
    fields = ["username", "role", "is_active", "date_joined", "last_login"]
    search_fields = ["username"]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Downstream keys by their hints; the hash stays out of sight."""

    list_display = ["name", "owner", "hint", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["owner"]
    fields = ["name", "owner", "hint", "created_at", "expires_at", "revoked_at"]
