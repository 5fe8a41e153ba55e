"""What is known of deployments without traffic (see `usage/health/standby_proofs.py`)."""

from __future__ import annotations

from django.db import models

from providers.models import LanguageModel


class StandbyProof(models.Model):
    """When a deployment of an active group last answered, and when it is asked for one token next.

    `deployment_id` is the model's id as the request log has it. `proven_at` is the time of its last answer to a test
    request, or of the last real one when somebody looked. `failed` counts test requests that failed in a row since
    `failing_since`, `timed_out` those of them that ended by a time limit of ours; `error` is the last one's, `call_id`
    the last one's row in the log. `next_at` is the lease: the process that moves it on makes the request.
    """

    model = models.OneToOneField(
        LanguageModel, on_delete=models.CASCADE, primary_key=True, related_name="standby_proof"
    )
    deployment_id = models.CharField(max_length=64, unique=True)
    next_at = models.DateTimeField(db_index=True)
    asked_at = models.DateTimeField(null=True)
    proven_at = models.DateTimeField(null=True)
    failed = models.PositiveIntegerField(default=0)
    timed_out = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    error = models.CharField(max_length=512, blank=True, default="")
    call_id = models.CharField(max_length=64, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.deployment_id}: {self.error or 'ok'}"
