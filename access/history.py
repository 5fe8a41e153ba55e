"""The audit log of people, teams and keys: who changed what, and when.

Entries outlive their rows and hold no secrets.
"""

from __future__ import annotations

from access.models import Account, ApiKey, Membership, OwnKey, Team, User
from lib.audit import CHANGED, CREATED, DELETED, Changes, Texts, changes_between, keep, texts_of
from lib.authors import Author

__all__ = ["CHANGED", "CREATED", "DELETED", "record", "snapshot_of"]

FIELDS: dict[type, tuple[str, ...]] = {
    User: ("username", "role", "is_active", "rpm", "tpm"),
    Team: ("name", "description", "rpm", "tpm"),
    Membership: ("team", "user", "role"),
    ApiKey: (
        *("name", "owner", "team", "hint", "scopes", "allowed_models", "rpm", "tpm"),
        *("expires_at", "revoked_at", "successor"),
    ),
    OwnKey: ("user", "provider", "hint", "may_fall_back"),
    Account: (),  # `credits/actions.py` says its changes in dollars, as `more`
}

Row = User | Team | Membership | ApiKey | OwnKey | Account


def snapshot_of(row: Row) -> Texts:
    """The fields of a row that the audit log keeps."""
    return texts_of(row, FIELDS[type(row)])


def record(action: int, row: Row, *, by: Author, before: Texts | None = None, more: Changes | None = None) -> None:
    """Records the changes since `before`, and those in `more`."""
    changes = changes_between(before or {}, {} if action == DELETED else snapshot_of(row))
    keep(action, row, changes | (more or {}), by=by)
