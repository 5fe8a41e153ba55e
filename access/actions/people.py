"""People: their roles, and the preferences they choose for themselves."""

from __future__ import annotations

import structlog
from django.contrib.auth.password_validation import validate_password
from django.db.models import F
from django.db.transaction import atomic
from django.views.decorators.debug import sensitive_variables

from access import history
from access.models import Actor, PowerLevel, Role, Theme, User
from access.rules import check_role, check_set_limits
from lib.exceptions import Conflict
from providers import config_version

log = structlog.get_logger(__name__)


@sensitive_variables("password")
@atomic
def create_user(
    *, by: Actor, username: str, role: Role, password: str, rpm: int | None = None, tpm: int | None = None
) -> User:
    """A new person who may sign in; raises ValidationError for a weak password or a name that is taken."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="create users")
    user = User(username=username, role=role, is_staff=role == Role.ADMIN, rpm=rpm, tpm=tpm)
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    history.record(history.CREATED, user, by=by)
    log.info("user created", user=username, role=role.value, by=by.name)
    return user


@sensitive_variables("password")
def change_password(*, by: User, password: str) -> None:
    """Gives a person another password, which ends their sessions; raises ValidationError for a weak one."""
    validate_password(password, by)
    by.set_password(password)
    by.save(update_fields=["password"])
    log.info("password changed", user=by.username)


@atomic
def sign_out_everywhere(*, by: User) -> None:
    """Ends all sessions of this person, in every browser."""
    User.objects.filter(pk=by.pk).update(sessions_ended=F("sessions_ended") + 1)
    log.info("signed out everywhere", user=by.username)


@atomic
def set_role(*, by: Actor, user: User, role: Role) -> User:
    """Gives a person another role; only admins see the Django admin. Raises Conflict for the last admin's."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="change roles")
    user.refresh_from_db()
    if role != Role.ADMIN:
        _check_an_admin_is_left_without(user)
    before = history.snapshot_of(user)
    user.role, user.is_staff = role, role == Role.ADMIN
    user.save(update_fields=["role", "is_staff"])
    history.record(history.CHANGED, user, by=by, before=before)
    log.info("role changed", user=user.username, role=role.value, by=by.name)
    return user


@atomic
def set_active(*, by: Actor, user: User, is_active: bool) -> User:
    """Lets a person in, or keeps them and their keys out. Raises Conflict for the last admin."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="activate or deactivate users")
    user.refresh_from_db()
    if not is_active:
        _check_an_admin_is_left_without(user)
    before, user.is_active = history.snapshot_of(user), is_active
    user.save(update_fields=["is_active"])
    history.record(history.CHANGED, user, by=by, before=before)
    log.info("user activated" if is_active else "user deactivated", user=user.username, by=by.name)
    return user


@atomic
def set_limits(*, by: Actor, user: User, rpm: int | None, tpm: int | None) -> User:
    """Sets what all keys of a person together may use per minute; None means no limit."""
    config_version.bump()
    user.refresh_from_db()
    check_set_limits(by, user, rpm=rpm, tpm=tpm)
    before = history.snapshot_of(user)
    user.rpm, user.tpm = rpm, tpm
    user.clean_fields(exclude={field.name for field in User._meta.fields} - {"rpm", "tpm"})
    user.save(update_fields=["rpm", "tpm"])
    history.record(history.CHANGED, user, by=by, before=before)
    log.info("limits set", user=user.username, rpm=rpm, tpm=tpm, by=by.name)
    return user


def _check_an_admin_is_left_without(user: User) -> None:
    """The result holds until the transaction ends: the version bump before it serialises changes."""
    admins = User.objects.filter(role=Role.ADMIN, is_active=True)
    if user.effective_role == Role.ADMIN and not admins.exclude(pk=user.pk).exists():
        raise Conflict(f"{user.username} is the last active admin. Make somebody else an admin first.")


def set_theme(*, by: User, theme: Theme) -> None:
    """Remembers a person's theme, for every browser they sign in with."""
    by.theme = theme
    by.save(update_fields=["theme"])


@atomic
def set_power_level(*, by: User, level: PowerLevel | None) -> None:
    """Remembers what plain `auto` means for a person and their keys; None is the console's own strategy."""
    config_version.bump()
    by.power_level = level or ""
    by.save(update_fields=["power_level"])
    log.info("power level chosen", level=by.power_level, by=by.name)
