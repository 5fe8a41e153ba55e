"""Which server processes run."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ServerProcess(models.Model):
    """A process that serves, as it says itself every few seconds; `link` is whether it shares its routing state.

    `secrets` is a digest of those that all processes must share, `reads_keys` whether its ENCRYPTION_KEYS are the right
    ones.
    """

    id = models.UUIDField(primary_key=True)
    link = models.CharField(max_length=16)
    secrets = models.CharField(max_length=32, default="", db_default="")
    reads_keys = models.BooleanField(default=True, db_default=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["started_at"]

    def __str__(self) -> str:
        return f"{self.id} ({self.link})"
