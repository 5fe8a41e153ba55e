"""A group that has set `timeout_s` but no `first_token_timeout_s` keeps it as the wait for a stream's first token.

Until now the one was the default of the other; from here on the default is 15 s. Rows have only what somebody set.
"""

from django.db import migrations

FIRST_TOKEN_S = 15


def keep(apps, schema_editor):
    for group in apps.get_model("groups", "RoutingGroup").objects.only("retry_config").iterator():
        config = group.retry_config
        if not isinstance(config, dict) or config.get("first_token_timeout_s") is not None:
            continue
        timeout_s = config.get("timeout_s")
        if isinstance(timeout_s, int | float) and timeout_s > FIRST_TOKEN_S:
            group.retry_config = {**config, "first_token_timeout_s": timeout_s}
            group.save(update_fields=["retry_config"])


class Migration(migrations.Migration):
    dependencies = [("groups", "0005_keep_groups_in_power_levels")]

    operations = [migrations.RunPython(keep, migrations.RunPython.noop, elidable=True)]
