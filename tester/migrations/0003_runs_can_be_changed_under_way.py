from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


def another_run(related_name):
    return models.ForeignKey(
        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name=related_name, to="tester.run"
    )


class Migration(migrations.Migration):
    dependencies = [("tester", "0002_trace_chunks_say_what_is_inside")]

    operations = [
        migrations.AddField("run", "engine_input", models.JSONField(default=dict)),
        migrations.AddField("run", "continues", another_run("continuations")),
        migrations.AddField("run", "next_run", another_run("+")),
    ]
