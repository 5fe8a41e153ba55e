"""The request log."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import connection, models
from django.utils import timezone

from engine.outcomes import Outcome

DAY = timedelta(days=1)
HEX = re.compile(r"[0-9a-f]+")
NEXT_HEX = dict(zip("0123456789abcdef", "123456789abcdefg", strict=True)) | {"9": "a"}


class RequestQuerySet(models.QuerySet["RequestRecord"]):
    def whose_id_begins(self, text: str) -> RequestQuerySet:
        """Requests by the first characters of their call id; the index is used for hexadecimal ones."""
        text = text.strip().lower()
        if HEX.fullmatch(text):
            return self.filter(call_id__gte=text, call_id__lt=text[:-1] + NEXT_HEX[text[-1]])
        return self.filter(call_id__startswith=text)

    def find(self, call_id: str) -> RequestRecord | None:
        """The request of this id; one or two queries. No order, in which PostgreSQL would look through the newest."""
        found = self.filter(pk=call_id).order_by()
        return next(iter(found._those_near(1, started_at__gte=timezone.now() - DAY)), None)

    def newest(self, count: int, *, until: datetime | None = None) -> list[RequestRecord]:
        """The first ones of a query that is newest first, and has none after `until`; one or two queries."""
        return self._those_near(count, started_at__gte=(until or timezone.now()) - DAY)

    def oldest(self, count: int, *, since: datetime) -> list[RequestRecord]:
        """The first ones of a query that is oldest first, and has none before `since`; one or two queries."""
        return self._those_near(count, started_at__lte=since + DAY)

    def _those_near(self, count: int, **near: datetime) -> list[RequestRecord]:
        """Looks into one day first where there are partitions: PostgreSQL plans a query of all of them ten times as
        long, and most of what is looked for is there."""
        rows: list[Any] = list(self.filter(**near)[:count]) if connection.vendor == "postgresql" else []
        if len(rows) < count:
            rows = list(self[:count])
        return rows


class RequestRecord(models.Model):
    """One request of one client, kept for `ATTEMPTS_RETENTION_HOURS`.

    `attempts` is the ledger's trace as JSON (see `engine/ledger.py`). Names, not foreign keys: a record outlives the
    rows that it names. For a request to a virtual model, `model_group` is the chosen pool. Deployment, provider and
    `model` (the provider's name) are those that answered, or failed last. `cost_usd` is the list price, also for an
    `is_own_key` request, which its person pays to the provider. `skipped` are the candidates that were not asked
    although their turn had come, `has_skips` says that there are any; `fell_back`: a better tier or group had failed or
    was skipped before; `rescued`: its stream broke and another attempt brought it to its end. `outcome` is decided at
    the end of the request (`engine/outcomes.py`); `revision` is the group's, null for a lone model. `is_estimated`: we
    counted the tokens, not the provider. `units` are what is charged besides tokens, in the `unit` of the endpoint:
    null and empty where there is nothing like that.
    """

    call_id = models.CharField(max_length=64, primary_key=True)
    model_group = models.CharField(max_length=256)
    endpoint = models.CharField(max_length=32, blank=True, default="")
    owner = models.CharField(max_length=150, blank=True, default="")
    key_id = models.CharField(max_length=64, blank=True, default="")
    key_name = models.CharField(max_length=64, blank=True, default="")
    team_id = models.CharField(max_length=64, blank=True, default="")
    team = models.CharField(max_length=64, blank=True, default="")
    provider_id = models.CharField(max_length=64, blank=True, default="")
    provider = models.CharField(max_length=64, blank=True, default="")
    deployment_id = models.CharField(max_length=64, blank=True, default="")
    deployment_name = models.CharField(max_length=512, blank=True, default="")
    model = models.CharField(max_length=256, blank=True, default="")
    is_own_key = models.BooleanField(default=False)
    started_at = models.DateTimeField(db_index=True)
    duration_ms = models.FloatField()
    first_token_ms = models.FloatField(null=True)
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=8, choices=[(outcome.value, outcome.value) for outcome in Outcome])
    error_class = models.CharField(max_length=64, blank=True, default="")
    is_stream = models.BooleanField(default=False)
    input_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(null=True)
    cache_write_tokens = models.PositiveIntegerField(null=True)
    reasoning_tokens = models.PositiveIntegerField(null=True)
    is_estimated = models.BooleanField(default=False)
    cost_usd = models.FloatField(null=True)
    virtual_model = models.CharField(max_length=128, blank=True, default="")
    virtual_tier = models.CharField(max_length=32, blank=True, default="")
    score = models.IntegerField(null=True)
    revision = models.PositiveIntegerField(null=True)
    attempts = models.JSONField(default=list)
    fell_back = models.BooleanField(default=False, db_default=False)
    skipped = models.JSONField(default=list, db_default=[])
    units = models.FloatField(null=True)
    unit = models.CharField(max_length=16, blank=True, default="", db_default="")
    rescued = models.BooleanField(default=False, db_default=False)
    has_skips = models.BooleanField(default=False, db_default=False)

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-started_at"]
        indexes: ClassVar = [
            # Each is for "the newest of this one". The group's index has enough columns to count a day without reading
            # the rows.
            models.Index(fields=["model_group", "started_at", "outcome"], name="request_of_group_and_time"),
            models.Index(fields=["outcome", "started_at", "status"], name="request_of_outcome_by_time"),
            models.Index(fields=["key_id", "started_at"], name="request_of_key_by_time"),
            models.Index(fields=["owner", "started_at"], name="request_of_owner_by_time"),
            models.Index(fields=["provider", "started_at"], name="request_of_provider_by_time"),
            models.Index(fields=["virtual_model", "started_at"], name="request_of_virtual_by_time"),
            # Its newest answers say how fast a deployment is.
            models.Index(fields=["deployment_id", "outcome", "started_at"], name="request_of_deployment_by_time"),
            # Few rows are in these, so the others cost nothing.
            models.Index(fields=["started_at"], condition=models.Q(fell_back=True), name="request_fell_back_by_time"),
            models.Index(fields=["started_at"], condition=models.Q(rescued=True), name="request_rescued_by_time"),
            models.Index(fields=["started_at"], condition=models.Q(has_skips=True), name="request_skips_by_time"),
        ]

    def __str__(self) -> str:
        return self.call_id
