"""Cooldowns by process."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class CooldownRecord(models.Model):
    """A cooldown of a deployment in one server process.

    Deleting the row ends it (see `gateway/background/cooldown_publisher.py`).
    """

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
