"""API keys: issued, changed, rotated, revoked. The plaintext is returned once, to the caller of the action."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypedDict, Unpack
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db.transaction import atomic
from django.utils import timezone

from access import history
from access.keys import KeyHolder, hash_key, hint_of, new_key
from access.models import Actor, ApiKey, KeyStatus, Membership, Scope, Team, User
from access.rules import check_change_key, check_end_key, check_give, check_issue_key, is_raised
from lib.exceptions import Conflict
from providers import config_version

log = structlog.get_logger(__name__)

LONGEST_OVERLAP = timedelta(days=90)
KEPT = ("name", "owner", "team", "expires_at", "scopes", "allowed_models", "rpm", "tpm", "counts_with")
ENDED = {
    KeyStatus.EXPIRED: "has expired",
    KeyStatus.REVOKED: "was revoked",
    KeyStatus.INACTIVE: "belongs to somebody who was deactivated",
}


class KeyFields(TypedDict, total=False):
    """The fields of a key that may be changed.

    `rpm` and `tpm` are requests and tokens per minute; None means no limit.
    """

    name: str
    expires_at: datetime | None
    scopes: Sequence[str]
    allowed_models: Sequence[str]
    rpm: int | None
    tpm: int | None


@atomic
def issue_key(
    *,
    by: Actor,
    owner: User,
    name: str,
    expires_at: datetime | None = None,
    team: Team | None = None,
    scopes: Sequence[str] | None = None,
    allowed_models: Sequence[str] = (),
    rpm: int | None = None,
    tpm: int | None = None,
) -> tuple[ApiKey, str]:
    """A new API key and its plaintext, which is stored nowhere. Without `scopes` the key has all of them."""
    config_version.bump()
    check_issue_key(by, owner=owner, team=team)
    _check_is_member(owner, team)
    _check_is_ahead(expires_at)
    key = ApiKey(name=name.strip(), owner=owner, team=team, expires_at=expires_at, rpm=rpm, tpm=tpm)
    key.scopes = _in_order(Scope.values if scopes is None else scopes)
    key.allowed_models = _once(allowed_models)
    plaintext = _give_secret(key)
    check_give(by, key, gained=key.scopes)
    _count_with(by, key)
    key.save()
    history.record(history.CREATED, key, by=by)
    log.info("api key issued", key_id=str(key.id), owner=owner.username, by=by.name)
    return key, plaintext


@atomic
def change_key(*, by: Actor, key: ApiKey, **changes: Unpack[KeyFields]) -> ApiKey:
    """Changes only the given fields; raises Conflict for a key that was revoked or rotated."""
    config_version.bump()
    key.refresh_from_db()
    check_change_key(by, key)
    if key.revoked_at or key.successor:
        raise Conflict(f"The key '{key.name}' was {'revoked' if key.revoked_at else 'rotated'}; it stays as it is.")
    before, had, limits = history.snapshot_of(key), set(key.scopes), (key.rpm, key.tpm)
    if "expires_at" in changes and changes["expires_at"] != key.expires_at:
        _check_is_ahead(changes["expires_at"])
    _apply(key, changes)
    key.full_clean()
    check_give(by, key, gained=set(key.scopes) - had)
    if is_raised(limits[0], key.rpm) or is_raised(limits[1], key.tpm):
        _count_with(by, key)
    key.save(update_fields=[*changes, "counts_with"])
    history.record(history.CHANGED, key, by=by, before=before)
    log.info("api key changed", key_id=str(key.id), fields=sorted(changes), by=by.name)
    return key


@atomic
def rotate_key(*, by: Actor, key: ApiKey, overlap: timedelta) -> tuple[ApiKey, str]:
    """A new key with the same settings, and its plaintext; the old key works until `overlap` is over.

    Groups that are assigned to a key are assigned to its successor too. Raises Conflict for a key that no longer works.
    """
    config_version.bump()
    key.refresh_from_db()
    check_end_key(by, key, to="rotate")
    _check_can_be_rotated(key)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValidationError({"overlap": f"Give 0 to {LONGEST_OVERLAP.days} days, in hours."})
    successor, plaintext = _successor_of(key)
    check_give(by, successor, gained=successor.scopes)
    successor.save()
    _hand_over(key, successor, overlap, by)
    log.info("api key rotated", key_id=str(key.id), successor=str(successor.id), by=by.name)
    return successor, plaintext


@atomic
def revoke_key(*, by: Actor, key: ApiKey) -> ApiKey:
    """Ends a key for good; revoking it again changes nothing."""
    config_version.bump()
    check_end_key(by, key, to="revoke")
    key.refresh_from_db(fields=["revoked_at"])
    end_keys([key], by=by)
    return key


def end_keys(keys: Iterable[ApiKey], *, by: Actor) -> None:
    """Revokes the keys that are not revoked yet, in the caller's transaction. The caller has checked the rights."""
    for key in keys:
        if key.revoked_at is None:
            before, key.revoked_at = history.snapshot_of(key), timezone.now()
            key.save(update_fields=["revoked_at"])
            history.record(history.CHANGED, key, by=by, before=before)
            log.info("api key revoked", key_id=str(key.id), by=by.name)


def _give_secret(key: ApiKey) -> str:
    plaintext = new_key()
    key.hash, key.hint = hash_key(plaintext), hint_of(plaintext)
    key.full_clean()
    return plaintext


def _count_with(by: Actor, key: ApiKey) -> None:
    """Keys issued by a key with limits share its limits: otherwise ten keys would have ten times the limit."""
    if isinstance(by, KeyHolder) and (by.rpm or by.tpm) and by.window_id != key.window_id:
        key.counts_with = UUID(by.window_id)


def _apply(key: ApiKey, changes: KeyFields) -> None:
    for field, value in changes.items():
        setattr(key, field, value)
    key.name, key.scopes, key.allowed_models = key.name.strip(), _in_order(key.scopes), _once(key.allowed_models)


def _in_order(scopes: Sequence[str]) -> list[str]:
    """Each once, in the order of Scope. Unknown scopes stay in the list, so that the validation can name them."""
    known = [scope for scope in Scope.values if scope in scopes]
    return known + [scope for scope in _once(scopes) if scope not in known]


def _once(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _successor_of(key: ApiKey) -> tuple[ApiKey, str]:
    kept = {name: getattr(key, name) for name in KEPT}
    successor = ApiKey(**kept, predecessor_ids=[*key.predecessor_ids, str(key.id)])
    return successor, _give_secret(successor)


def _hand_over(key: ApiKey, successor: ApiKey, overlap: timedelta, by: Actor) -> None:
    before, until = history.snapshot_of(key), timezone.now() + overlap
    key.successor = successor
    key.expires_at = min(until, key.expires_at or until)
    key.save(update_fields=["successor", "expires_at"])
    history.record(history.CREATED, successor, by=by)
    history.record(history.CHANGED, key, by=by, before=before)


def _check_can_be_rotated(key: ApiKey) -> None:
    if key.successor:
        raise Conflict(f"The key '{key.name}' was rotated already. Rotate the one that came in its place.")
    if key.status != KeyStatus.USABLE:
        raise Conflict(f"The key '{key.name}' {ENDED[key.status]}. Issue a new one.")


def _check_is_member(owner: User, team: Team | None) -> None:
    if team is not None and not Membership.objects.filter(team=team, user=owner).exists():
        raise ValidationError({"owner": f"{owner} is not in the team {team}. Add {owner} to it first."})


def _check_is_ahead(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": "Give a time in the future, or none for a key that does not expire."})
