"""Keys: those that callers present to us (downstream), and those that people bring for a provider (upstream)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from access.models.people import NAME, Team, User
from providers.models import Provider

MOST_ALLOWED = 500


class Scope(models.TextChoices):
    """What an API key is good for, within the rights of its owner."""

    CALL = "call", "Call models"
    READ = "read", "Read over the REST API"
    WRITE = "write", "Change over the REST API"


def every_scope() -> list[str]:
    return list(Scope.values)


def check_scopes(value: object) -> None:
    """A list of known scopes, at least one."""
    if not isinstance(value, list) or not value or not set(map(str, value)) <= set(Scope.values):
        raise ValidationError(f"Give at least one scope of: {', '.join(Scope.values)}.")


def check_allowed(value: object) -> None:
    """A list of names of groups, virtual models or catalog models."""
    if not isinstance(value, list) or any(not isinstance(name, str) or not 0 < len(name) <= 512 for name in value):
        raise ValidationError("Give a list of names that clients send as model.")
    if len(value) > MOST_ALLOWED:
        raise ValidationError(f"Give at most {MOST_ALLOWED} names; an empty list allows every model.")


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> ApiKeyQuerySet:
        """Keys that open the door now: not revoked, not expired, owner still active."""
        fresh = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
        return self.filter(fresh, revoked_at__isnull=True, owner__is_active=True)


class ApiKey(models.Model):
    """A downstream key `sk-rc-…`: shown once, kept as a hash. It has the rights of its owner, within its scopes.

    `allowed_models` are the names it may call (groups, virtual models, aliases, `provider/model`), empty for all.
    A key of a team is paid by the team and sees the team's groups, one without by its owner and sees those of
    all teams of the owner. `successor` is the key that a rotation has put in its place.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64, validators=[NAME])
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys")
    hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=32, editable=False)
    scopes = models.JSONField(default=every_scope, validators=[check_scopes])
    allowed_models = models.JSONField(default=list, blank=True, validators=[check_allowed])
    rpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    tpm = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    successor = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="predecessor"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"


class OwnKey(models.Model):
    """A key that a person brings for a provider (BYOK), encrypted; `hint` is what may be shown of it.

    `may_fall_back`: when the provider refuses it, the system's key is used, and paid for. `error` is why its last
    test failed.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="own_keys")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="own_keys")
    ciphertext = models.TextField(editable=False)
    hint = models.CharField(max_length=32, editable=False)
    may_fall_back = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    tested_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=512, blank=True, default="", editable=False)

    class Meta:
        ordering: ClassVar = ["provider__name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "provider"], name="own_key_once_per_provider")]

    def __str__(self) -> str:
        return f"{self.user}'s key for {self.provider}: {self.hint}"
