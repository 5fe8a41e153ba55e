"""Keys: API keys (downstream), and the own keys that people bring for a provider (upstream)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from access.models.people import NAME, Team, User
from providers.models import Encrypted, Provider

MOST_ALLOWED = 500


class Scope(models.TextChoices):
    """What an API key may be used for, within the rights of its owner."""

    CALL = "call", "Call models"
    READ = "read", "Read over the REST API"
    WRITE = "write", "Change over the REST API"


class KeyStatus(models.TextChoices):
    """Whether a key works, and if not, why."""

    USABLE = "usable"
    EXPIRED = "expired"
    REVOKED = "revoked"
    INACTIVE = "inactive", "Owner deactivated"


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
        """Keys that work now: not revoked, not expired, owner active."""
        return self.of_status(KeyStatus.USABLE)

    def of_status(self, status: KeyStatus) -> ApiKeyQuerySet:
        """The same as `ApiKey.status`, for many."""
        is_revoked, is_over = Q(revoked_at__isnull=False), Q(expires_at__lte=timezone.now())
        goes_on = Q(revoked_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))
        wanted = {
            KeyStatus.REVOKED: is_revoked,
            KeyStatus.EXPIRED: ~is_revoked & is_over,
            KeyStatus.INACTIVE: goes_on & Q(owner__is_active=False),
            KeyStatus.USABLE: goes_on & Q(owner__is_active=True),
        }
        return self.filter(wanted[status])

    def matching(self, *, q: str = "", owner: str = "", team: str = "", status: str = "") -> ApiKeyQuerySet:
        """Filters of the list: words in name, owner or hint, an owner's username, a team's id or name, a status."""
        rows = self.filter(Q(name__icontains=q) | Q(owner__username__icontains=q) | Q(hint__iendswith=q)) if q else self
        rows = rows.filter(owner__username=owner) if owner else rows
        rows = rows.filter(team__in=Team.objects.called(team)) if team else rows
        return rows.of_status(KeyStatus(status)) if status else rows


class ApiKey(models.Model):
    """A downstream key `sk-rc-…`: shown once, stored as a hash.

    It has the rights of its owner, within its scopes. `allowed_models` are the names it may call (groups, virtual
    models, aliases, `provider/model`), empty for all. The team pays for a team's key, which sees the team's groups; the
    owner pays for a personal key, which sees the groups of all their teams. `successor` is the key that replaced it in
    a rotation; it inherits the groups that were assigned to its predecessors. `counts_with` is the key whose rate
    limits it shares: set when a key with limits issued it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64, validators=[NAME])
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    # Protected: without its team a key would be personal and have wider rights. See `delete_team`.
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys")
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
    predecessor_ids = models.JSONField(default=list, blank=True, editable=False)
    counts_with = models.UUIDField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint})"

    @property
    def window_id(self) -> str:
        """The id of its rate limit window: one for all keys of a rotation, or a rotation would reset the limits."""
        return str(self.counts_with or next(iter(self.predecessor_ids), self.id))

    @property
    def scope_labels(self) -> list[str]:
        """Its scopes, in words."""
        return [Scope(scope).label for scope in self.scopes]

    @property
    def status(self) -> KeyStatus:
        """Whether it works now."""
        if self.revoked_at is not None:
            return KeyStatus.REVOKED
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return KeyStatus.EXPIRED
        return KeyStatus.USABLE if self.owner.is_active else KeyStatus.INACTIVE


class OwnKeyStatus(models.TextChoices):
    """The state of an own key."""

    UNTESTED = "untested"
    ACTIVE = "active"
    ERROR = "error"
    DISABLED = "disabled"


class OwnKey(Encrypted):
    """A key that a person brings for a provider (BYOK), encrypted; `hint` is the part that may be shown.

    `may_fall_back`: when the provider refuses it, the system's key is used and paid for. `error` says why its last test
    failed.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="own_keys")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="own_keys")
    hint = models.CharField(max_length=32, editable=False)
    may_fall_back = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    tested_at = models.DateTimeField(null=True, editable=False)
    error = models.CharField(max_length=512, blank=True, default="", editable=False)

    class Meta:
        ordering: ClassVar = ["provider__name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "provider"], name="own_key_once_per_provider")]

    def __str__(self) -> str:
        return f"{self.whose}: {self.hint}"

    @property
    def whose(self) -> str:
        return f"{self.user}'s own key for {self.provider}"

    @property
    def status(self) -> OwnKeyStatus:
        """`disabled` while its provider is switched off, else the result of its last test."""
        if not self.provider.enabled:
            return OwnKeyStatus.DISABLED
        if self.tested_at is None:
            return OwnKeyStatus.UNTESTED
        return OwnKeyStatus.ERROR if self.error else OwnKeyStatus.ACTIVE
