"""What providers and groups did a moment ago, in slices of seconds (see `usage/health/recent.py`)."""

from __future__ import annotations

from django.db import models


class RecentKind(models.TextChoices):
    """What is counted: attempts by provider, answers by group."""

    PROVIDER = "provider"
    GROUP = "group"


class RecentCount(models.Model):
    """How often something went well and badly in the slice of time that begins at `start`.

    `subject` is the id of a provider, or its name where attempts have no id, or the name of a group. `name` is what a
    provider was called then, empty for groups.
    """

    # Start before subject: every question is about a window of time.
    pk = models.CompositePrimaryKey("kind", "start", "subject", "name")
    kind = models.CharField(max_length=8, choices=RecentKind.choices)
    start = models.DateTimeField()
    subject = models.CharField(max_length=256)
    name = models.CharField(max_length=64)
    good = models.BigIntegerField()
    bad = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.subject} {self.start:%H:%M:%S}: {self.bad} of {self.good + self.bad}"
