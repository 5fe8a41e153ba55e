"""Recent counts of providers and groups, in slices of seconds (see `usage/health/recent.py`)."""

from __future__ import annotations

from django.db import models


class RecentKind(models.TextChoices):
    """The kind of a count: attempts by provider, answers by group."""

    PROVIDER = "provider"
    GROUP = "group"


class RecentCount(models.Model):
    """The successes and failures in the time slice that begins at `start`.

    `subject` is the id of a provider (its name for attempts without an id), or the name of a group. `name` is the
    provider's name at that time, empty for groups. Two more kinds: `total` has the sums of all requests, by what is
    counted; `moved` has, as `bad`, the requests of a group that failed or moved on.
    """

    # Start before subject: every query is about a time window.
    pk = models.CompositePrimaryKey("kind", "start", "subject", "name")
    kind = models.CharField(max_length=8, choices=RecentKind.choices)
    start = models.DateTimeField()
    subject = models.CharField(max_length=256)
    name = models.CharField(max_length=64)
    good = models.BigIntegerField()
    bad = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.subject} {self.start:%H:%M:%S}: {self.bad} of {self.good + self.bad}"
