"""Which server processes run."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ServerProcess(models.Model):
    """A process that serves, as it says itself every few seconds; `link` is whether it shares its routing state."""

    id = models.UUIDField(primary_key=True)
    link = models.CharField(max_length=16)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["started_at"]

    def __str__(self) -> str:
        return f"{self.id} ({self.link})"
