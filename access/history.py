"""Who changed people, teams and keys, when, and what: entries of the audit log, which outlive the rows. No secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from access.models import Account, ApiKey, Membership, OwnKey, Team, User
from lib.authors import Author

CREATED, CHANGED, DELETED = LogEntry.Action.CREATE, LogEntry.Action.UPDATE, LogEntry.Action.DELETE
FIELDS: dict[type, tuple[str, ...]] = {
    User: ("username", "role", "is_active"),
    Team: ("name", "description"),
    Membership: ("team", "user", "role"),
    ApiKey: (
        *("name", "owner", "team", "hint", "scopes", "allowed_models", "rpm", "tpm"),
        *("expires_at", "revoked_at", "successor"),
    ),
    OwnKey: ("user", "provider", "hint", "may_fall_back"),
    Account: (),  # `credits/actions.py` says its changes in dollars, as `more`
}

Row = User | Team | Membership | ApiKey | OwnKey | Account
Snapshot = Mapping[str, str]


def snapshot_of(row: Row) -> Snapshot:
    """What is worth keeping of a row, as text; an empty one is not set."""
    return {name: text for name in FIELDS[type(row)] if (text := _text(getattr(row, name)))}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def record(
    action: int,
    row: Row,
    *,
    by: Author,
    before: Snapshot | None = None,
    more: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Keeps what changed since `before` as `{field: [before, after]}`, and `more` of the kind.

    Nothing is kept of a change that changed nothing. Belongs into the transaction of the change.
    """
    old, new = before or {}, {} if action == DELETED else snapshot_of(row)
    names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    changes = {name: (old.get(name, ""), new.get(name, "")) for name in names} | dict(more or {})
    if action == CHANGED and not changes:
        return
    LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(type(row)),
        object_pk=str(row.pk),
        object_repr=str(row),
        action=action,
        changes={name: list(pair) for name, pair in changes.items()},
        additional_data={"by": by.name},
    )
