from django.db import migrations, models


class Migration(migrations.Migration):
    """A row per breaker in place of one per group and deployment. Rows of cooldowns live for minutes: none is kept."""

    dependencies = [("usage", "0013_list_server_processes")]

    operations = [
        migrations.DeleteModel(name="CooldownRecord"),
        migrations.CreateModel(
            name="CooldownRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("process", models.UUIDField()),
                ("breaker", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("half_open", "Half-open")], default="open", max_length=16
                    ),
                ),
                ("groups", models.JSONField(default=list)),
                ("group_id", models.UUIDField()),
                ("deployment_id", models.UUIDField()),
                ("deployment_name", models.CharField(max_length=512)),
                ("provider", models.CharField(max_length=64)),
                ("cause", models.CharField(default="", max_length=512)),
                ("error_class", models.CharField(max_length=64)),
                ("error", models.CharField(max_length=512)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(db_index=True)),
                ("next_probe", models.DateTimeField(null=True)),
            ],
            options={"ordering": ["until"]},
        ),
        migrations.AddConstraint(
            model_name="cooldownrecord",
            constraint=models.UniqueConstraint(fields=("process", "breaker"), name="breaker_once_per_process"),
        ),
        migrations.CreateModel(
            name="BreakerTrip",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("breaker", models.CharField(max_length=64, unique=True)),
                ("deployment_name", models.CharField(default="", max_length=512)),
                ("provider", models.CharField(max_length=64)),
                ("why", models.CharField(max_length=200)),
                ("by", models.CharField(max_length=150)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(db_index=True)),
            ],
            options={"ordering": ["until"]},
        ),
    ]
