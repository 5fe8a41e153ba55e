"""People, teams, API keys, own keys and credits."""

from __future__ import annotations

from access.models.keys import ApiKey, ApiKeyQuerySet, KeyStatus, OwnKey, Scope, every_scope
from access.models.money import NANO, Account, Hold, Movement, MovementKind
from access.models.people import (
    MASTER_USER,
    Actor,
    Membership,
    PersonManager,
    PowerLevel,
    Role,
    Team,
    TeamQuerySet,
    TeamRole,
    Theme,
    User,
)

__all__ = [
    "MASTER_USER",
    "NANO",
    "Account",
    "Actor",
    "ApiKey",
    "ApiKeyQuerySet",
    "Hold",
    "KeyStatus",
    "Membership",
    "Movement",
    "MovementKind",
    "OwnKey",
    "PersonManager",
    "PowerLevel",
    "Role",
    "Scope",
    "Team",
    "TeamQuerySet",
    "TeamRole",
    "Theme",
    "User",
    "every_scope",
]
