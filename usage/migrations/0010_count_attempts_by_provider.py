"""Attempts by provider beside requests, and what happened a moment ago.

Of requests that were summed up before, the attempt that decided each is counted; `manage.py rebuild_usage` also counts
those before it, for the days that are in the log.
"""

from django.db import migrations, models
from django.db.models import F


def count_the_last_attempts(apps, schema_editor):
    at_providers = apps.get_model("usage", "UsageSeries").objects.exclude(provider="").values("pk")
    buckets = apps.get_model("usage", "UsageBucket").objects.filter(series_id__in=at_providers)
    buckets.update(attempts=F("successes") + F("failures"), failed_attempts=F("failures"))


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0009_say_how_each_request_ended'),
    ]

    operations = [
        migrations.CreateModel(
            name='RecentCount',
            fields=[
                ('pk', models.CompositePrimaryKey('kind', 'start', 'subject', 'name', blank=True, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('provider', 'Provider'), ('group', 'Group')], max_length=8)),
                ('start', models.DateTimeField()),
                ('subject', models.CharField(max_length=256)),
                ('name', models.CharField(max_length=64)),
                ('good', models.BigIntegerField()),
                ('bad', models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='usagebucket',
            name='attempts',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='usagebucket',
            name='failed_attempts',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.RunPython(count_the_last_attempts, migrations.RunPython.noop),
    ]
