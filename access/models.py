"""Who may ask: people with a role, and the API keys they own."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Protocol

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Role(models.TextChoices):
    """What a person may do. Each includes the one before; a stranger has no right at all."""

    STRANGER = "", "No role"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role has every right of the other."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Theme(models.TextChoices):
    """How the console looks."""

    DARK = "dark"
    LIGHT = "light"
    UNICORN = "unicorn", "Magic Unicorn"


class PowerLevel(models.TextChoices):
    """What plain `auto` means for one person and their keys; nothing chosen is the console's own strategy."""

    ECO = "eco"
    BALANCED = "balanced"
    PRECISION = "precision"


class Actor(Protocol):
    """Whoever acts: a signed-in user, or the holder of a bearer key (see `access/keys.py`)."""

    @property
    def name(self) -> str: ...
    @property
    def effective_role(self) -> Role: ...


class PersonManager(UserManager["User"]):
    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> Any:
        return super().create_superuser(username, email, password, **{"role": Role.ADMIN, **extra})


class User(AbstractUser):
    """A person who signs in to the console."""

    role = models.CharField(max_length=16, choices=Role.choices, blank=True, default=Role.STRANGER)
    theme = models.CharField(max_length=16, choices=Theme.choices, blank=True, default="")
    power_level = models.CharField(max_length=16, choices=PowerLevel.choices, blank=True, default="")

    objects: ClassVar[PersonManager] = PersonManager()

    @property
    def name(self) -> str:
        return self.username

    @property
    def effective_role(self) -> Role:
        """The role, or none for somebody who was deactivated."""
        return Role(self.role) if self.is_active else Role.STRANGER


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> ApiKeyQuerySet:
        """Keys that open the door now: not revoked, not expired, owner still active."""
        fresh = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
        return self.filter(fresh, revoked_at__isnull=True, owner__is_active=True)


class ApiKey(models.Model):
    """A downstream key `sk-rc-…`: shown once, kept as a hash. It has the rights of its owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=32, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"
