"""How each request ended, in a column of its own; for those of before, from what else was logged of them."""

from django.db import migrations, models
from django.db.models import Q

OUTCOMES = [("answered", "answered"), ("failed", "failed"), ("refused", "refused"), ("left", "left")]
# Nothing was tried for these, except where a group cooled down as a whole: that is a failure, and not the caller's.
UNTRIED = Q(provider="") & ~Q(error_class__in=("all_cooling_down", "AllCoolingDown"))
OWN_KEY_REFUSED = Q(is_own_key=True, status__in=(402, 403, 429))
REFUSED = Q(status__in=(400, 413, 422)) | (Q(status__gte=400, status__lt=500) & (UNTRIED | OWN_KEY_REFUSED))


def say_how_they_ended(apps, schema_editor):
    records = apps.get_model("usage", "RequestRecord").objects
    records.filter(status__gte=400).update(outcome="failed")
    records.filter(REFUSED).update(outcome="refused")
    records.filter(status=499).update(outcome="left")


class Migration(migrations.Migration):

    dependencies = [
        ("usage", "0008_log_who_was_skipped"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="requestrecord", name="request_of_group_by_time"),
        migrations.RemoveIndex(model_name="requestrecord", name="request_of_status_by_time"),
        migrations.AddField(
            model_name="requestrecord",
            name="outcome",
            field=models.CharField(choices=OUTCOMES, default="answered", max_length=8),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="requestrecord",
            name="revision",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.RunPython(say_how_they_ended, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="requestrecord",
            index=models.Index(fields=["model_group", "started_at", "outcome"], name="request_of_group_and_time"),
        ),
        migrations.AddIndex(
            model_name="requestrecord",
            index=models.Index(fields=["outcome", "started_at", "status"], name="request_of_outcome_by_time"),
        ),
    ]
