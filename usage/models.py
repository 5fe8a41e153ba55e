"""What happened: one row per finished request, with its attempts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RequestRecord(models.Model):
    """One request of one client, kept for `ATTEMPTS_RETENTION_HOURS`.

    `attempts` is the ledger's trace as JSON (see `engine/ledger.py`). Names, not foreign keys: a record
    outlives what it speaks of. Of a request to a virtual model, `model_group` is the pool that was chosen.
    """

    call_id = models.CharField(max_length=64, primary_key=True)
    model_group = models.CharField(max_length=256)
    owner = models.CharField(max_length=150, blank=True, default="")
    key_id = models.CharField(max_length=64, blank=True, default="")
    started_at = models.DateTimeField(db_index=True)
    duration_ms = models.FloatField()
    status = models.PositiveSmallIntegerField()
    is_stream = models.BooleanField(default=False)
    input_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    cost_usd = models.FloatField(null=True)
    virtual_model = models.CharField(max_length=128, blank=True, default="")
    virtual_tier = models.CharField(max_length=32, blank=True, default="")
    score = models.IntegerField(null=True)
    attempts = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-started_at"]
        indexes: ClassVar = [
            # Enough to count a group's day without touching the rows.
            models.Index(fields=["model_group", "started_at", "status"], name="request_of_group_by_time"),
        ]

    def __str__(self) -> str:
        return self.call_id


class AlertKind(models.TextChoices):
    """What people are told about."""

    PROVIDER_DOWN = "provider_down"


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> AlertQuerySet:
        """Alerts that are not over."""
        return self.filter(resolved_at=None)


class Alert(models.Model):
    """Something that a person should know, until it is over (see `alerts.py`).

    `subject` is the id of what it is about. `send_at` is when the webhook is to be told next, null when there is
    nothing to tell; `failed_sends` counts the attempts to tell it that failed, `send_error` is why the last one did.
    """

    kind = models.CharField(max_length=32, choices=AlertKind.choices)
    subject = models.CharField(max_length=128)
    message = models.CharField(max_length=512)
    raised_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    send_at = models.DateTimeField(null=True, db_index=True)
    failed_sends = models.PositiveSmallIntegerField(default=0)
    send_error = models.CharField(max_length=256, blank=True, default="")

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-raised_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=models.Q(resolved_at=None), name="alert_open_once"
            )
        ]

    def __str__(self) -> str:
        return self.message


class CooldownRecord(models.Model):
    """A deployment that one server process leaves alone for a while. Deleting the row ends that (see `gateway`)."""

    process = models.UUIDField()
    group_id = models.UUIDField()
    group_name = models.CharField(max_length=256)
    deployment_id = models.UUIDField()
    deployment_name = models.CharField(max_length=512)
    provider = models.CharField(max_length=64)
    error_class = models.CharField(max_length=64)
    error = models.CharField(max_length=512)
    since = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["until"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["process", "group_id", "deployment_id"], name="cooldown_once_per_process")
        ]

    def __str__(self) -> str:
        return f"{self.deployment_name} in {self.group_name}"
