import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# JSON of PostgreSQL has spaces after colons, that of SQLite's rows has none, so the words themselves are looked for.
MARK_SKIPS = "UPDATE usage_requestrecord SET has_skips = TRUE WHERE CAST(skipped AS text) <> '[]'"
MARK_RESCUES = (
    "UPDATE usage_requestrecord SET rescued = TRUE WHERE outcome = 'answered' AND is_stream"
    " AND (CAST(attempts AS text) LIKE '%%\"continued\"%%' OR CAST(attempts AS text) LIKE '%%\"restarted\"%%')"
)


def mark_old_requests(apps, schema_editor):
    """What is in the log already gets its marks from its attempts and skips."""
    for statement in (MARK_SKIPS, MARK_RESCUES):
        schema_editor.execute(statement, params=())


class Migration(migrations.Migration):
    """Finds rescued requests and those with skips, and keeps filters of people."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("usage", "0020_compare_secrets"),
    ]

    operations = [
        migrations.AddField("requestrecord", "rescued", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("requestrecord", "has_skips", models.BooleanField(db_default=False, default=False)),
        migrations.RunPython(mark_old_requests, migrations.RunPython.noop),
        migrations.AddIndex(
            "requestrecord",
            models.Index(condition=models.Q(("rescued", True)), fields=["started_at"], name="request_rescued_by_time"),
        ),
        migrations.AddIndex(
            "requestrecord",
            models.Index(condition=models.Q(("has_skips", True)), fields=["started_at"], name="request_skips_by_time"),
        ),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("query", models.CharField(max_length=2048)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_filters",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.AddConstraint(
            "savedfilter",
            models.UniqueConstraint(fields=("person", "name"), name="saved_filter_named_once"),
        ),
    ]
