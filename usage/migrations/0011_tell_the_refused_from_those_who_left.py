"""Sums tell who was refused from who left, and count as failed what the log calls failed, as far as it goes back."""

import hashlib
import json
from collections import Counter
from datetime import UTC

from django.db import migrations, models
from django.db.models import F

SERIES = (
    *("owner", "key_id", "key_name", "team_id", "team", "model_group", "virtual_model", "provider_id", "provider"),
    *("deployment_id", "deployment_name", "model", "is_own_key"),
)
COLUMNS = {"failed": "failures", "refused": "refused", "left": "left"}
AT_ONCE = 2000


def count_again(apps, schema_editor):
    moved = Counter()
    for series, started_at, before, after in _changed(apps.get_model("usage", "RequestRecord")):
        for grain, start in _starts(started_at):
            moved[grain, start, hashlib.sha256(json.dumps(series).encode()).hexdigest(), before, after] += 1
    ids = dict(apps.get_model("usage", "UsageSeries").objects.values_list("hash", "pk")) if moved else {}
    buckets = apps.get_model("usage", "UsageBucket").objects
    for (grain, start, series, before, after), count in moved.items():
        there = buckets.filter(grain=grain, start=start, series_id=ids.get(series), **{f"{before}__gte": count})
        there.update(**{before: F(before) - count, after: F(after) + count})
        if more := count * ((after == "failures") - (before == "failures")):
            at_provider = there.model.objects.filter(grain=grain, start=start, series_id=ids.get(series))
            at_provider.exclude(series__provider="").update(
                attempts=F("attempts") + more, failed_attempts=F("failed_attempts") + more
            )


def _changed(records):
    """Of 500 and above nothing changes; of 429, an upstream's counted as a failure, and no other."""
    rows = records.objects.filter(status__gte=400, status__lt=500).order_by()
    for *series, started_at, status, outcome in rows.values_list(*SERIES, "started_at", "status", "outcome").iterator(
        chunk_size=AT_ONCE
    ):
        was_tried = bool(series[SERIES.index("provider")])
        before = "failures" if status == 429 and was_tried else "refused"
        if (after := COLUMNS[outcome]) != before:
            yield series, started_at, before, after


def _starts(moment):
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return ("hour", hour), ("day", hour.replace(hour=0)), ("mon", hour.replace(hour=0, day=1))


class Migration(migrations.Migration):

    dependencies = [
        ("usage", "0010_count_attempts_by_provider"),
    ]

    operations = [
        migrations.RenameField(model_name="usagebucket", old_name="caller_errors", new_name="refused"),
        migrations.AddField(
            model_name="usagebucket",
            name="left",
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunPython(count_again, migrations.RunPython.noop),
    ]
