"""Breakers that are open: as each process sees them, and those that people have tripped."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

# `deployment:UUID`, or `key:UUID` of the provider.
BREAKER_LENGTH = 64


class BreakerState(models.TextChoices):
    """Nobody asks what is behind the breaker, or one request at a time does."""

    OPEN = "open", "Open"
    HALF_OPEN = "half_open", "Half-open"


class CooldownRecord(models.Model):
    """A breaker that is open or half-open in one server process, and the groups that heed it.

    The group and the deployment are one each of those behind it. Deleting the row closes the breaker (see
    `gateway/background/cooldown_publisher.py`).
    """

    process = models.UUIDField()
    breaker = models.CharField(max_length=BREAKER_LENGTH)
    state = models.CharField(max_length=16, choices=BreakerState.choices, default=BreakerState.OPEN)
    groups = models.JSONField(default=list)
    group_id = models.UUIDField()
    deployment_id = models.UUIDField()
    deployment_name = models.CharField(max_length=512)
    provider = models.CharField(max_length=64)
    cause = models.CharField(max_length=512, default="")
    error_class = models.CharField(max_length=64)
    error = models.CharField(max_length=512)
    since = models.DateTimeField()
    until = models.DateTimeField(db_index=True)
    next_probe = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["until"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["process", "breaker"], name="breaker_once_per_process"),
        ]

    def __str__(self) -> str:
        return f"{self.breaker} ({self.deployment_name})"


class BreakerTrip(models.Model):
    """A deployment, or a provider's key, that a person has stopped using until a time, in all processes."""

    breaker = models.CharField(max_length=BREAKER_LENGTH, unique=True)
    deployment_name = models.CharField(max_length=512, default="")
    provider = models.CharField(max_length=64)
    why = models.CharField(max_length=200)
    by = models.CharField(max_length=150)
    since = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["until"]

    def __str__(self) -> str:
        return f"{self.breaker} until {self.until:%Y-%m-%d %H:%M} UTC"
