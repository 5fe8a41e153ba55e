"""The request log in sums per hour, day and month: what analytics read (see ADR 15)."""

from __future__ import annotations

from django.db import models


class UsageSeries(models.Model):
    """One combination of who asked for what and who answered; `hash` is that of all the other columns.

    Names are as they were: who is renamed or deleted keeps what was counted. Ids say what belongs together.
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
    """How long a bucket is. Those of hours are kept for two months, those of days and months for ever."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "mon"


class UsageBucket(models.Model):
    """What one series did in the hour, the day or the month that begins at `start` (UTC).

    `successes` were answered, `failures` failed, `refused` and `left` are what they say (`engine/outcomes.py`).
    `attempts` are those made at the provider and deployment of the series, also where another answered the request, and
    `failed_attempts` those that it failed (see `usage/request_log/attempts.py`). `cost_usd` is the list price, whoever
    paid it (see `UsageSeries.is_own_key`). `duration_ms` and `first_token_ms` are sums over the successes and over
    those with a first token, `first_tokens` in number.
    """

    # Start before series: what is written now lies together, and a period is one range of the index.
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

    def __str__(self) -> str:
        return f"{self.grain} {self.start:%Y-%m-%d %H:%M}: {self.requests}"


class LatencyCount(models.Model):
    """How many successes of one bucket took about so long; `level` is of `usage/rollups/latency_levels.py`."""

    pk = models.CompositePrimaryKey("grain", "start", "series_id", "level")
    grain = models.CharField(max_length=4, choices=Grain.choices)
    start = models.DateTimeField()
    series = models.ForeignKey(UsageSeries, on_delete=models.CASCADE, related_name="latencies", db_index=False)
    level = models.SmallIntegerField()
    count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.grain} {self.start:%Y-%m-%d %H:%M}: {self.count} at {self.level}"
