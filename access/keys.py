"""Downstream keys: issue, hash, verify. A key is shown once; only its SHA-256 is stored.

A plain hash is enough here, and fast enough for the gateway's hot path, because the key is 256 random bits and not a
password.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from access.models import ApiKey, ApiKeyQuerySet, Role, Scope
from engine.allowance.minute_limits import Limit, in_order, pair

PREFIX = "sk-rc-"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The holder of a valid bearer key: the master key (`key_id` None) or an ApiKey.

    `name` is the owner's. `team_ids` are the teams whose groups the key sees. `key_ids` are its own id and those of the
    keys that it replaced; it sees their groups too. `allowed_models` are the names it may call (empty: all),
    `account_id` is the account that pays (None: no limit). `rpm` and `tpm` are the key's own limits and count in
    `window_id`; `owner_…` and `team_…` are the limits of all keys of its owner and of its team. `first_key_id` is the
    first key of its rotation, empty for the master key.
    """

    name: str
    effective_role: Role
    key_id: str | None = None
    expires_at: datetime | None = None
    power_level: str = ""
    is_authenticated: bool = True
    key_name: str = ""
    user_id: int | None = None
    team_id: str = ""
    team: str = ""
    team_ids: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset(Scope.values)
    allowed_models: frozenset[str] = frozenset()
    rpm: int | None = None
    tpm: int | None = None
    account_id: int | None = None
    key_ids: frozenset[str] = frozenset()
    window_id: str = ""
    first_key_id: str = ""
    owner_rpm: int | None = None
    owner_tpm: int | None = None
    team_rpm: int | None = None
    team_tpm: int | None = None

    def allows(self, name: str, meant: str | None = None) -> bool:
        """Whether its list of models, if there is one, has this name, or the one that is meant by it."""
        return not self.allowed_models or name in self.allowed_models or meant in self.allowed_models

    def is_among(self, assigned: frozenset[str] | None) -> bool:
        """Whether a group is for it: one that is open to everybody (None), or assigned to it or one of its teams."""
        return assigned is None or self.key_id is None or not assigned.isdisjoint(self.key_ids | self.team_ids)

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


MASTER = KeyHolder(name="master-key", effective_role=Role.ADMIN)
# Anyone who can run manage.py on the server has the database anyway.
COMMAND_LINE = KeyHolder(name="command-line", effective_role=Role.ADMIN)


def new_key() -> str:
    """A new key, `sk-rc-` and 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def hint_of(key: str) -> str:
    """The part of a key that may be shown."""
    return f"{PREFIX}…{key[-4:]}"


def is_master(key: str) -> bool:
    return hmac.compare_digest(key.encode(), settings.MASTER_KEY.encode())


def holder_of(row: ApiKey) -> KeyHolder:
    """The holder of a key from `_rows`; no query."""
    owner, team = row.owner, row.team
    paying = team if team is not None else owner
    teams = {str(team.id)} if team is not None else {str(m.team_id) for m in owner.memberships.all()}
    return KeyHolder(
        name=owner.username,
        effective_role=owner.effective_role,
        key_id=str(row.id),
        expires_at=row.expires_at,
        power_level=owner.power_level,
        key_name=row.name,
        user_id=owner.pk,
        team_id=str(team.id) if team is not None else "",
        team=team.name if team is not None else "",
        team_ids=frozenset(teams),
        scopes=frozenset(row.scopes),
        allowed_models=frozenset(row.allowed_models),
        rpm=row.rpm,
        tpm=row.tpm,
        account_id=getattr(getattr(paying, "account", None), "pk", None),
        key_ids=frozenset((str(row.id), *row.predecessor_ids)),
        window_id=row.window_id,
        first_key_id=next(iter(row.predecessor_ids), str(row.id)),
        owner_rpm=owner.rpm,
        owner_tpm=owner.tpm,
        team_rpm=team.rpm if team is not None else None,
        team_tpm=team.tpm if team is not None else None,
    )


def limits_of(holder: KeyHolder) -> list[Limit]:
    """The limits a minute of a key, of all keys of its owner, and of all of its team; none for the master key."""
    if holder.key_id is None:
        return []
    owner, team = f"All keys of {holder.name} together", f"All keys of the team {holder.team} together"
    limits = (
        *pair(holder.rpm, holder.tpm, holder.window_id or holder.key_id, "This key"),
        *pair(holder.owner_rpm, holder.owner_tpm, f"person:{holder.user_id}", owner),
        *pair(holder.team_rpm, holder.team_tpm, f"team:{holder.team_id}", team),
    )
    return in_order(limits) if len(limits) > 1 else [*limits]


def verify(key: str) -> KeyHolder | None:
    """The holder of a key, or None. Two indexed look-ups."""
    if is_master(key):
        return MASTER
    row = _rows().filter(hash=hash_key(key)).first()
    return holder_of(row) if row else None


def usable_holder(keys: ApiKeyQuerySet) -> KeyHolder | None:
    """The holder of the first of these keys that works; None if none does."""
    row = _rows().filter(pk__in=keys.values("pk")).first()
    return holder_of(row) if row else None


def all_holders() -> dict[str, KeyHolder]:
    """Every usable key by its hash, the master key included: for the gateway's memory. Two queries."""
    return {hash_key(settings.MASTER_KEY): MASTER, **{row.hash: holder_of(row) for row in _rows()}}


def _rows() -> ApiKeyQuerySet:
    related = ApiKey.objects.usable().select_related("owner__account", "team__account")
    return related.prefetch_related("owner__memberships")
