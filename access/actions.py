"""Change who may ask. What the gateway must follow bumps the configuration's version first."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.contrib.auth.password_validation import validate_password
from django.db.transaction import atomic
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from access.keys import hash_key, hint_of, new_key
from access.models import Actor, ApiKey, PowerLevel, Role, Theme, User
from access.rules import check_role
from providers import config_version

log = structlog.get_logger(__name__)


@sensitive_variables("password")
@atomic
def create_user(*, by: Actor, username: str, role: Role, password: str) -> User:
    """Somebody who may sign in; raises ValidationError for a weak password or a name that is taken."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="create users")
    user = User(username=username, role=role, is_staff=role == Role.ADMIN)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    log.info("user created", user=username, role=role.value, by=by.name)
    return user


@atomic
def set_role(*, by: Actor, user: User, role: Role) -> User:
    """Gives a person another role; only admins see the Django admin."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="change roles")
    user.role, user.is_staff = role, role == Role.ADMIN
    user.save(update_fields=["role", "is_staff"])
    log.info("role changed", user=user.username, role=role.value, by=by.name)
    return user


@atomic
def set_active(*, by: Actor, user: User, is_active: bool) -> User:
    """Lets a person in, or keeps them and their keys out."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="activate or deactivate users")
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    log.info("user activated" if is_active else "user deactivated", user=user.username, by=by.name)
    return user


def set_theme(*, by: User, theme: Theme) -> None:
    """Remembers how a person likes the console, in every browser they sign in with."""
    by.theme = theme
    by.save(update_fields=["theme"])


@atomic
def set_power_level(*, by: User, level: PowerLevel | None) -> None:
    """Remembers what plain `auto` means for a person and their keys; None is the console's own strategy."""
    config_version.bump()
    by.power_level = level or ""
    by.save(update_fields=["power_level"])
    log.info("power level chosen", level=by.power_level, by=by.name)


@atomic
def issue_key(*, by: Actor, owner: User, name: str, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new API key and its plaintext, which exists nowhere else from here on."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="issue API keys")
    plaintext = new_key()
    row = ApiKey(name=name, owner=owner, hash=hash_key(plaintext), hint=hint_of(plaintext), expires_at=expires_at)
    row.full_clean()
    row.save()
    log.info("api key issued", key_id=str(row.id), owner=owner.username, by=by.name)
    return row, plaintext


@atomic
def revoke_key(*, by: Actor, key: ApiKey) -> ApiKey:
    """Ends a key for good; revoking it again changes nothing."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="revoke API keys")
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        log.info("api key revoked", key_id=str(key.id), by=by.name)
    return key
