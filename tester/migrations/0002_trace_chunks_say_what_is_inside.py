from __future__ import annotations

import json
import zlib

from django.db import migrations, models


def look_inside(apps, schema_editor):
    for chunk in apps.get_model("tester", "TraceChunk").objects.order_by("pk").iterator(chunk_size=50):
        traces = [json.loads(line) for line in zlib.decompress(chunk.data).splitlines()]
        indexes = [trace["index"] for trace in traces]
        ends_ms = [round(trace["at_ms"] + trace["duration_ms"], 3) for trace in traces]
        chunk.low_index, chunk.high_index = min(indexes), max(indexes)
        chunk.first_ended_ms, chunk.last_ended_ms = min(ends_ms), max(ends_ms)
        chunk.failed = sum(trace["status"] != "success" for trace in traces)
        chunk.fell_back = sum(trace["fallback_depth"] > 0 for trace in traces)
        chunk.tried = {attempt["deployment_id"]: True for trace in traces for attempt in trace["attempts"]}
        chunk.save(update_fields=[*COUNTS, *MOMENTS, "tried"])


COUNTS = ("low_index", "high_index", "failed", "fell_back")
MOMENTS = ("first_ended_ms", "last_ended_ms")


class Migration(migrations.Migration):
    dependencies = [("tester", "0001_initial")]

    operations = [
        *(
            migrations.AddField("tracechunk", name, models.PositiveIntegerField(default=0), preserve_default=False)
            for name in COUNTS
        ),
        *(
            migrations.AddField("tracechunk", name, models.FloatField(default=0), preserve_default=False)
            for name in MOMENTS
        ),
        migrations.AddField("tracechunk", "tried", models.JSONField(default=dict)),
        migrations.RunPython(look_inside, migrations.RunPython.noop),
    ]
