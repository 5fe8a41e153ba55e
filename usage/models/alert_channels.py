"""Where alerts are told, set on the page of alerts, and what was told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from providers.models import Encrypted
from usage.models.alerts import Alert

LONGEST_NAME = 60


class ChannelKind(models.TextChoices):
    """How a channel is spoken to."""

    WEBHOOK = "webhook", "Webhook (JSON)"
    SLACK = "slack", "Slack-compatible"
    EMAIL = "email", "E-mail"


class AlertChannel(Encrypted):
    """A receiver of alerts.

    Its address, which is often a secret itself, and the secret that signs a webhook are encrypted together; `hint` is
    the part of the address that may be shown. `kinds` are the kinds of alerts that it gets, none means all. In its
    quiet hours, by the clock of `timezone`, alerts wait. `updated_by` is the name of a person.
    """

    name = models.CharField(max_length=LONGEST_NAME, unique=True)
    kind = models.CharField(max_length=16, choices=ChannelKind.choices)
    hint = models.CharField(max_length=160, editable=False)
    is_signed = models.BooleanField(default=False, editable=False)
    kinds = models.JSONField(default=list, blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    is_enabled = models.BooleanField(default=True)
    updated_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def whose(self) -> str:
        return f"the alert channel '{self.name}'"


class AlertDelivery(models.Model):
    """What a channel is told of an alert: that it was raised, later that it is over.

    `send_at` is the time of the next try, null if there is nothing to send; `held_until` the end of the quiet hours
    that it waits for; `told_at` the time of the last success, `error` the reason of the last failure.
    """

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(AlertChannel, on_delete=models.CASCADE, related_name="deliveries")
    send_at = models.DateTimeField(null=True, db_index=True)
    held_until = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    failed_sends = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=256, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["channel__name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "channel"], name="alert_delivered_once_a_channel")
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.channel_id}"
