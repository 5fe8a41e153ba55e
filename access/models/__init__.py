"""Who may ask: people in teams, the API keys they own, the keys they bring, and their credits."""

from __future__ import annotations

from access.models.keys import ApiKey, ApiKeyQuerySet, OwnKey, Scope, every_scope
from access.models.money import NANO, Account, Hold, Movement, MovementKind
from access.models.people import Actor, Membership, PersonManager, PowerLevel, Role, Team, TeamRole, Theme, User

__all__ = [
    "NANO",
    "Account",
    "Actor",
    "ApiKey",
    "ApiKeyQuerySet",
    "Hold",
    "Membership",
    "Movement",
    "MovementKind",
    "OwnKey",
    "PersonManager",
    "PowerLevel",
    "Role",
    "Scope",
    "Team",
    "TeamRole",
    "Theme",
    "User",
    "every_scope",
]
