"""Downstream keys: issue, hash, verify. A key is shown once; what is kept is its SHA-256.

A plain hash is enough here (and fast enough for the gateway's hot path), because the key itself is
256 random bits, not a password somebody chose.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from access.models import ApiKey, Role

PREFIX = "sk-rc-"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whoever presented a valid bearer key: the master key (`key_id` None) or an ApiKey."""

    name: str
    effective_role: Role
    key_id: str | None = None
    expires_at: datetime | None = None
    power_level: str = ""
    is_authenticated: bool = True

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


MASTER = KeyHolder(name="master-key", effective_role=Role.ADMIN)
# Whoever can run manage.py on the server has the database anyway.
COMMAND_LINE = KeyHolder(name="command-line", effective_role=Role.ADMIN)


def new_key() -> str:
    """A fresh key, `sk-rc-` and 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def hint_of(key: str) -> str:
    """What may be shown of a key."""
    return f"{PREFIX}…{key[-4:]}"


def is_master(key: str) -> bool:
    return hmac.compare_digest(key.encode(), settings.MASTER_KEY.encode())


def holder_of(row: ApiKey) -> KeyHolder:
    return KeyHolder(
        name=row.owner.username,
        effective_role=row.owner.effective_role,
        key_id=str(row.id),
        expires_at=row.expires_at,
        power_level=row.owner.power_level,
    )


def verify(key: str) -> KeyHolder | None:
    """The holder of a key, or None. One indexed look-up."""
    if is_master(key):
        return MASTER
    row = ApiKey.objects.usable().select_related("owner").filter(hash=hash_key(key)).first()
    return holder_of(row) if row else None


def all_holders() -> dict[str, KeyHolder]:
    """Every usable key by its hash, the master key included: what the gateway keeps in memory."""
    rows = ApiKey.objects.usable().select_related("owner")
    return {hash_key(settings.MASTER_KEY): MASTER, **{row.hash: holder_of(row) for row in rows}}
