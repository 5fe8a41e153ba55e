"""Alerts and their rules."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class AlertKind(models.TextChoices):
    """The kinds of alerts."""

    PROVIDER_DOWN = "provider_down", "Provider down"
    COST_SPIKE = "cost_spike", "Cost spike"
    ERROR_RATE = "error_rate", "Error rate"
    RATE_LIMIT = "rate_limit", "Rate limit"
    GROUP_FAILING = "group_failing", "Group failing"
    SECRETS_DIFFER = "secrets_differ", "Secrets differ"
    STANDBY_DEAD = "standby_dead", "Standby dead"


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> AlertQuerySet:
        """Alerts that are not over."""
        return self.filter(resolved_at=None)

    def resolved(self) -> AlertQuerySet:
        """Alerts that are over, the last to end first."""
        return self.filter(resolved_at__isnull=False).order_by("-resolved_at", "-pk")


class Alert(models.Model):
    """A problem that a person should know of until it is over (see `alerts.py`).

    `subject` is the id of its subject, or the name of a group. `send_at` is the time of the next delivery to the
    webhook, null if there is nothing to send; `failed_sends` counts failed deliveries, `send_error` is the reason of
    the last one, `told_at` the time of the last success. `acknowledged_by` is the name of the person who took it on.
    """

    kind = models.CharField(max_length=32, choices=AlertKind.choices)
    subject = models.CharField(max_length=128)
    message = models.CharField(max_length=512)
    raised_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, db_index=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True, default="")
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
    """The threshold of one kind of alert.

    A kind without a row has the default threshold (see `usage/alerting/thresholds.py`).
    """

    kind = models.CharField(max_length=32, choices=AlertKind.choices, unique=True)
    threshold = models.FloatField()
    is_enabled = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering: ClassVar = ["kind"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.threshold:g}"
