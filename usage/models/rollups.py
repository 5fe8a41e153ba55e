"""Sums of the request log per hour, day and month, for the analytics (see ADR 15)."""

from __future__ import annotations

from django.db import models


class UsageSeries(models.Model):
    """One combination of caller, model and deployment; `hash` is over all the other columns.

    Names are those at the time of the request, so that renamed and deleted rows keep their counts. Ids connect them.
    """

    hash = models.CharField(max_length=64, unique=True)
    owner = models.CharField(max_length=150)
    key_id = models.CharField(max_length=64)
    key_name = models.CharField(max_length=64)
    team_id = models.CharField(max_length=64)
    team = models.CharField(max_length=64)
    model_group = models.CharField(max_length=256)
    virtual_model = models.CharField(max_length=128)
    provider_id = models.CharField(max_length=64)
    provider = models.CharField(max_length=64)
    deployment_id = models.CharField(max_length=64)
    deployment_name = models.CharField(max_length=512)
    model = models.CharField(max_length=256)
    is_own_key = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.owner}: {self.model_group}, {self.deployment_name}"


class Grain(models.TextChoices):
    """The length of a bucket. Hours are kept for two months, days and months for ever."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "mon"


class UsageBucket(models.Model):
    """The counts of one series in the hour, day or month that begins at `start` (UTC).

    `successes` were answered, `failures` failed; `refused` and `left` are as in `engine/outcomes.py`. `attempts` were
    made at the provider and deployment of the series, even if another answered the request; `failed_attempts` failed
    there (see `usage/request_log/attempts.py`). `cost_usd` is the list price, also of own keys (see
    `UsageSeries.is_own_key`). `searches`, `images`, `characters` and `seconds` (of sound) are charged besides tokens.
    `duration_ms` and `first_token_ms` are sums over the successes and over those with a
    first token, whose number is `first_tokens`.
    """

    # Start before series: current rows are next to each other, and a period is one range of the index.
    pk = models.CompositePrimaryKey("grain", "start", "series_id")
    grain = models.CharField(max_length=4, choices=Grain.choices)
    start = models.DateTimeField()
    series = models.ForeignKey(UsageSeries, on_delete=models.CASCADE, related_name="buckets", db_index=False)
    requests = models.BigIntegerField()
    successes = models.BigIntegerField()
    failures = models.BigIntegerField()
    refused = models.BigIntegerField()
    left = models.BigIntegerField()
    attempts = models.BigIntegerField(default=0, db_default=0)
    failed_attempts = models.BigIntegerField(default=0, db_default=0)
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    cost_usd = models.FloatField()
    duration_ms = models.FloatField()
    first_token_ms = models.FloatField()
    first_tokens = models.BigIntegerField()
    searches = models.FloatField(default=0, db_default=0)
    images = models.FloatField(default=0, db_default=0)
    characters = models.FloatField(default=0, db_default=0)
    seconds = models.FloatField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"{self.grain} {self.start:%Y-%m-%d %H:%M}: {self.requests}"


class LatencyCount(models.Model):
    """The number of successes of one bucket at one latency `level` (`usage/rollups/latency_levels.py`)."""

    pk = models.CompositePrimaryKey("grain", "start", "series_id", "level")
    grain = models.CharField(max_length=4, choices=Grain.choices)
    start = models.DateTimeField()
    series = models.ForeignKey(UsageSeries, on_delete=models.CASCADE, related_name="latencies", db_index=False)
    level = models.SmallIntegerField()
    count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.grain} {self.start:%Y-%m-%d %H:%M}: {self.count} at {self.level}"
