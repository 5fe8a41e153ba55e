"""People with a role, and the teams they are in."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Protocol

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from lib.ids import uuid_of

NAME = RegexValidator(r"^[^\x00-\x1f\x7f]+\Z", "Use printable characters.")


# The largest 64-bit id.
MOST_DIGITS = 18


class Role(models.TextChoices):
    """What a person may do. Each role includes the one before; without a role there are no rights."""

    STRANGER = "", "No role"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role has every right of the other."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Capped(models.Model):
    """Limits of all keys together: requests and tokens per minute, set by admins; None means no limit."""

    rpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    tpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])

    class Meta:
        abstract = True


class Theme(models.TextChoices):
    """The look of the console."""

    DARK = "dark"
    LIGHT = "light"
    UNICORN = "unicorn", "Magic Unicorn"


class PowerLevel(models.TextChoices):
    """What plain `auto` means for one person and their keys; without a choice it is the console's own strategy."""

    ECO = "eco"
    BALANCED = "balanced"
    PRECISION = "precision"


# Who signs in with the master key.
MASTER_USER = "admin"
SESSIONS = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


class Actor(Protocol):
    """The author of a change: a signed-in user, or the holder of a bearer key (see `access/keys.py`)."""

    @property
    def name(self) -> str: ...
    @property
    def effective_role(self) -> Role: ...
    @property
    def user_id(self) -> int | None: ...


class PersonManager(UserManager["User"]):
    def called(self, name_or_id: str) -> User | None:
        """The person with this id or, if it is not a number, this username."""
        if name_or_id.isascii() and name_or_id.isdecimal():
            return self.filter(pk=int(name_or_id)).first() if len(name_or_id) <= MOST_DIGITS else None
        return self.filter(username=name_or_id).first() if name_or_id.isprintable() else None

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> Any:
        return super().create_superuser(username, email, password, **{"role": Role.ADMIN, **extra})


class User(AbstractUser, Capped):
    """A person who signs in to the console. `rpm` and `tpm` limit all their keys together, including team keys.

    Their sessions end when `sessions_ended` grows.
    """

    role = models.CharField(max_length=16, choices=Role.choices, blank=True, default=Role.STRANGER)
    theme = models.CharField(max_length=16, choices=Theme.choices, blank=True, default="")
    power_level = models.CharField(max_length=16, choices=PowerLevel.choices, blank=True, default="")

    sessions_ended = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects: ClassVar[PersonManager] = PersonManager()

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's, and sessions end too when their person wants it, or the master key changes that opened them."""
        parts = [self.password]
        if self.sessions_ended:
            parts.append(str(self.sessions_ended))
        if self.username == MASTER_USER:
            parts.append(settings.MASTER_KEY)
        return salted_hmac(SESSIONS, "\0".join(parts), secret=secret, algorithm="sha256").hexdigest()

    @property
    def name(self) -> str:
        return self.username

    @property
    def user_id(self) -> int | None:
        return self.pk

    @property
    def effective_role(self) -> Role:
        """The role, or none for a deactivated person."""
        return Role(self.role) if self.is_active else Role.STRANGER


class TeamQuerySet(models.QuerySet["Team"]):
    def called(self, name_or_id: str) -> TeamQuerySet:
        """The team with this id or name, if there is one; case does not matter."""
        found = uuid_of(name_or_id)
        return self.filter(pk=found) if found else self.filter(name__iexact=name_or_id)


class Team(Capped):
    """People who share groups, API keys, a budget and limits. Its id is what a routing group is assigned to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64, validators=[NAME])
    description = models.CharField(max_length=256, blank=True, default="")
    members = models.ManyToManyField(User, through="Membership", related_name="teams")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, editable=False)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("name"), name="team_name_unique", violation_error_message="A team of this name exists."
            )
        ]

    def __str__(self) -> str:
        return self.name


class TeamRole(models.TextChoices):
    """A member's role in a team: managers also choose its members and issue its keys."""

    MEMBER = "member"
    MANAGER = "manager"


class Membership(models.Model):
    """One person in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=TeamRole.choices, default=TeamRole.MEMBER)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["user__username"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "user"],
                name="member_once",
                violation_error_message="This person is in the team.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
