"""Requests that were logged before there were sums of them: says who answered each, and counts it.

Counts as it was done then: the tables are those of then, too.
"""

import hashlib
import json
from collections import Counter, defaultdict
from datetime import UTC
from itertools import islice

from django.db import migrations
from django.db.models import F

from usage.rollups.latency_levels import level_of

TOLD_BY_ATTEMPTS = ["deployment_id", "deployment_name", "provider", "model", "error_class"]
SERIES = (
    *("owner", "key_id", "key_name", "team_id", "team", "model_group", "virtual_model", "provider_id", "provider"),
    *("deployment_id", "deployment_name", "model", "is_own_key"),
)
SUMS = (
    *("requests", "successes", "failures", "caller_errors", "input_tokens", "output_tokens", "cached_tokens"),
    *("reasoning_tokens", "cost_usd", "duration_ms", "first_token_ms", "first_tokens"),
)
AT_ONCE = 500


def sum_up(apps, schema_editor):
    records = iter(apps.get_model("usage", "RequestRecord").objects.order_by("pk").iterator(AT_ONCE))
    while batch := list(islice(records, AT_ONCE)):
        for record in batch:
            _say_who_answered(record)
        apps.get_model("usage", "RequestRecord").objects.bulk_update(batch, TOLD_BY_ATTEMPTS)
        _count(apps, batch)


def _say_who_answered(record):
    last = record.attempts[-1] if record.attempts else {}
    record.deployment_id = (last.get("deployment_id") or "")[:64]
    record.deployment_name = (last.get("deployment_name") or "")[:512]
    record.provider = (last.get("provider") or "")[:64]
    record.model = record.deployment_name.removeprefix(f"{record.provider}/")[:256]
    record.error_class = ((last.get("error_class") or "") if record.status >= 400 else "")[:64]


def _count(apps, batch):
    sums, levels = defaultdict(Counter), Counter()
    for record in batch:
        series = tuple(getattr(record, name) for name in SERIES)
        for slot in ((grain, start, series) for grain, start in _starts(record.started_at)):
            sums[slot].update(_numbers(record))
            levels[slot, level_of(record.duration_ms)] += record.status < 400
    ids = {series: _series_id(apps, series) for _, _, series in sums}
    for (grain, start, series), numbers in sums.items():
        key = {"grain": grain, "start": start, "series_id": ids[series]}
        _add(apps.get_model("usage", "UsageBucket"), key, {name: numbers[name] for name in SUMS})
    for ((grain, start, series), level), count in levels.items():
        key = {"grain": grain, "start": start, "series_id": ids[series], "level": level}
        if count:
            _add(apps.get_model("usage", "LatencyCount"), key, {"count": count})


def _starts(moment):
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return ("hour", hour), ("day", hour.replace(hour=0)), ("mon", hour.replace(hour=0, day=1))


def _numbers(record):
    is_success = record.status < 400
    is_failure = record.status >= 500 or (record.status == 429 and bool(record.attempts))
    tokens = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_usd")
    has_first_token = is_success and record.first_token_ms is not None
    return {
        "requests": 1,
        "successes": int(is_success),
        "failures": int(is_failure),
        "caller_errors": int(not is_success and not is_failure),
        **{name: getattr(record, name) or 0 for name in tokens},
        "duration_ms": record.duration_ms if is_success else 0,
        "first_token_ms": record.first_token_ms if has_first_token else 0,
        "first_tokens": int(has_first_token),
    }


def _series_id(apps, series):
    """The hash is the one by which the series is found today."""
    name = hashlib.sha256(json.dumps(series).encode()).hexdigest()
    values = dict(zip(SERIES, series, strict=True))
    return apps.get_model("usage", "UsageSeries").objects.get_or_create(hash=name, defaults=values)[0].pk


def _add(model, key, numbers):
    if not model.objects.filter(**key).update(**{name: F(name) + number for name, number in numbers.items()}):
        model.objects.create(**key, **numbers)


class Migration(migrations.Migration):

    dependencies = [
        ("usage", "0005_log_who_asked_and_sum_it_up"),
    ]

    operations = [
        migrations.RunPython(sum_up, migrations.RunPython.noop),
    ]
