"""What people are told about, until it is over, and from when on."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AlertKind(models.TextChoices):
    """What people are told about."""

    PROVIDER_DOWN = "provider_down", "Provider down"
    COST_SPIKE = "cost_spike", "Cost spike"
    ERROR_RATE = "error_rate", "Error rate"
    RATE_LIMIT = "rate_limit", "Rate limit"
    GROUP_FAILING = "group_failing", "Group failing"


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> AlertQuerySet:
        """Alerts that are not over."""
        return self.filter(resolved_at=None)

    def resolved(self) -> AlertQuerySet:
        """Alerts that are over, the last to end first."""
        return self.filter(resolved_at__isnull=False).order_by("-resolved_at", "-pk")


class Alert(models.Model):
    """Something that a person should know, until it is over (see `alerts.py`).

    `subject` is the id of what it is about, of a group its name. `send_at` is when the webhook is to be told next, null
    when there is nothing to tell; `failed_sends` counts the attempts to tell it that failed, `send_error` is why the
    last one did, `told_at` when it took something last.
    """

    kind = models.CharField(max_length=32, choices=AlertKind.choices)
    subject = models.CharField(max_length=128)
    message = models.CharField(max_length=512)
    raised_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, db_index=True)
    send_at = models.DateTimeField(null=True, db_index=True)
    told_at = models.DateTimeField(null=True)
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


class AlertRule(models.Model):
    """From when on alerts of one kind are raised. A kind without a row has the usual threshold (see `alert_rules`)."""

    kind = models.CharField(max_length=32, choices=AlertKind.choices, unique=True)
    threshold = models.FloatField()
    is_enabled = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering: ClassVar = ["kind"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.threshold:g}"
