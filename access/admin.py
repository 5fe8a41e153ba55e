"""The Django admin of people, teams, keys and accounts; read only."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import Group

from access.models import Account, ApiKey, Movement, Team, User
from lib.admin import ReadOnlyAdmin

# Django's permission groups are not ours: rights come from the role.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People who may sign in; password hashes are not shown."""

    list_display = ["username", "role", "is_active", "last_login"]
    fields = ["username", "role", "is_active", "rpm", "tpm", "date_joined", "last_login"]
    search_fields = ["username"]


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    """Teams; their members are shown on the team pages."""

    list_display = ["name", "description", "created_at", "created_by"]
    fields = ["id", "name", "description", "rpm", "tpm", "created_at", "created_by"]
    search_fields = ["name"]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys by their hints; the hash is not shown."""

    list_display = ["name", "owner", "team", "hint", "created_at", "expires_at", "revoked_at", "last_used_at"]
    list_select_related = ["owner", "team"]
    fields = [
        *("name", "owner", "team", "hint", "scopes", "allowed_models", "rpm", "tpm"),
        *("created_at", "expires_at", "revoked_at", "last_used_at", "successor"),
    ]


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts of credits; amounts are in nano-dollars."""

    list_display = ["holder_name", "is_prepaid", "balance_nanousd", "held_nanousd", "monthly_cap_nanousd"]
    list_select_related = ["user", "team"]


@admin.register(Movement)
class MovementAdmin(ReadOnlyAdmin):
    """Every movement of every account; amounts are nano-dollars."""

    list_display = ["at", "account", "kind", "amount_nanousd", "balance_after_nanousd", "reason", "by"]
    list_select_related = ["account__user", "account__team"]
    list_filter = ["kind"]
    search_fields = ["call_id", "reason"]
