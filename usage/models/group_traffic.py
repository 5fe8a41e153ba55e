"""Counts of the traffic of groups, in slices of time (see `usage/group_traffic/`)."""

from __future__ import annotations

from django.db import models


class GroupCount(models.Model):
    """One count of one group in the slice that begins at `start`.

    `what` is a `Measure` with its subjects as a JSON list, for example `["answered_by", DEPLOYMENT]`; `total` is its
    sum of milliseconds or US dollars, if it has one.
    """

    # Group before start: every query is about one group in a range of time.
    pk = models.CompositePrimaryKey("model_group", "start", "what")
    model_group = models.CharField(max_length=256)
    start = models.DateTimeField(db_index=True)
    what = models.CharField(max_length=256)
    count = models.BigIntegerField()
    total = models.FloatField()

    def __str__(self) -> str:
        return f"{self.model_group} {self.start:%Y-%m-%d %H:%M:%S}: {self.count} {self.what}"
