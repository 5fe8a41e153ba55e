"""Status pages, and the incidents that they told."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

LONGEST_NAME = 64
LONGEST_SERVICE = 160


class StatusPage(models.Model):
    """A source of incidents: an address, or only files that were given under its name.

    `name` is also the service of the page as a whole. `refreshed_at` is the last time that its address was asked,
    `error` what went wrong then.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=LONGEST_NAME, unique=True)
    url = models.CharField(max_length=512, blank=True, default="")
    refreshed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=512, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "status page"

    def __str__(self) -> str:
        return self.name


class ReportedIncident(models.Model):
    """One incident of one service. `external_id` is the page's own; without an `end` it is still open.

    Pages forget: what they do not list any more stays here.
    """

    page = models.ForeignKey(StatusPage, on_delete=models.CASCADE, related_name="incidents")
    external_id = models.CharField(max_length=64)
    service = models.CharField(max_length=LONGEST_SERVICE)
    start = models.DateTimeField()
    end = models.DateTimeField(null=True)
    impact = models.CharField(max_length=16)

    class Meta:
        ordering: ClassVar = ["-start", "service"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["page", "external_id", "service"], name="reported_incident_once"),
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.start:%Y-%m-%d %H:%M}"
