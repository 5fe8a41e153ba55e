"""Groups that are active now stay in the power levels; groups made from here on are out until somebody says so.

Settings that nobody read are dropped: from here on unknown ones are refused. The history keeps them.
"""

from django.db import migrations


def keep(apps, schema_editor):
    groups = apps.get_model("groups", "RoutingGroup").objects
    groups.filter(is_active=True).update(settings={"in_power_levels": True})
    groups.filter(is_active=False).update(settings={})


class Migration(migrations.Migration):
    dependencies = [("groups", "0004_add_routing_rules")]

    operations = [migrations.RunPython(keep, migrations.RunPython.noop, elidable=True)]
