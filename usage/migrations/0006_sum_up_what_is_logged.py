"""Requests that were logged before there were sums of them: says who answered each, and counts it."""

from itertools import islice

from django.db import migrations

TOLD_BY_ATTEMPTS = ["deployment_id", "deployment_name", "provider", "model", "error_class"]
AT_ONCE = 500


def sum_up(apps, schema_editor):
    records = iter(apps.get_model("usage", "RequestRecord").objects.order_by("pk").iterator(AT_ONCE))
    while batch := list(islice(records, AT_ONCE)):
        # What counts is the same code as for requests of today; a new installation has none and does not come here.
        from usage.rollups import add_up
        from usage.tallies import tally

        for record in batch:
            _say_who_answered(record)
        apps.get_model("usage", "RequestRecord").objects.bulk_update(batch, TOLD_BY_ATTEMPTS)
        add_up(tally(batch))


def _say_who_answered(record):
    last = record.attempts[-1] if record.attempts else {}
    record.deployment_id = (last.get("deployment_id") or "")[:64]
    record.deployment_name = (last.get("deployment_name") or "")[:512]
    record.provider = (last.get("provider") or "")[:64]
    record.model = record.deployment_name.removeprefix(f"{record.provider}/")[:256]
    record.error_class = ((last.get("error_class") or "") if record.status >= 400 else "")[:64]


class Migration(migrations.Migration):

    dependencies = [
        ("usage", "0005_log_who_asked_and_sum_it_up"),
    ]

    operations = [
        migrations.RunPython(sum_up, migrations.RunPython.noop),
    ]
