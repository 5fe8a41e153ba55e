from decimal import Decimal

import django.core.validators
from django.db import migrations, models


def offer_the_catalogs_price(apps, schema_editor):
    """Models that follow the catalog hear of the new price like of any other: as news, which people accept."""
    language_model = apps.get_model("providers", "LanguageModel")
    changed = []
    for model in language_model.objects.exclude(catalog_entry={}).iterator():
        if "cached_input_cost_per_million" in model.catalog_entry:
            model.catalog_entry["cache_write_cost_per_million"] = None
            changed.append(model)
    language_model.objects.bulk_update(changed, ["catalog_entry"], batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ("providers", "0003_probe_providers"),
    ]

    operations = [
        migrations.AddField(
            model_name="languagemodel",
            name="cache_write_cost_per_million",
            field=models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(Decimal("0"))]),
        ),
        migrations.AddConstraint(
            model_name="languagemodel",
            constraint=models.CheckConstraint(condition=models.Q(("cache_write_cost_per_million__isnull", True), ("cache_write_cost_per_million__gte", 0), _connector="OR"), name="model_cache_write_cost_not_negative"),
        ),
        migrations.RunPython(offer_the_catalogs_price, migrations.RunPython.noop),
    ]
