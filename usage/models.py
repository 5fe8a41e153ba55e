"""What happened: one row per finished request, with its attempts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RequestRecord(models.Model):
    """One request of one client, kept for `ATTEMPTS_RETENTION_HOURS`.

    `attempts` is the ledger's trace as JSON (see `engine/ledger.py`). Names, not foreign keys: a record
    outlives what it speaks of.
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
    attempts = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-started_at"]

    def __str__(self) -> str:
        return self.call_id
