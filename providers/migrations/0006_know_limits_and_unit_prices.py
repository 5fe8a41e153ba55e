from decimal import Decimal

import django.core.validators
from django.db import migrations, models


FIELDS = ("unit", "price_per_unit", "max_output_tokens")


def take_over(apps, schema_editor):
    """Prices of units were the price map's until now; limits of answers were nobody's, and a request above one failed."""
    from providers.catalog.price_map import lookup, restored, stored

    language_model = apps.get_model("providers", "LanguageModel")
    changed = []
    for model in language_model.objects.select_related("provider").iterator():
        known = stored(lookup(type=model.provider.type, model_name=model.name))
        for field in FIELDS:
            setattr(model, field, restored(field, known[field]))
            model.catalog_entry[field] = known[field]
        changed.append(model)
    language_model.objects.bulk_update(changed, [*FIELDS, "catalog_entry"], batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0005_speak_dialects'),
    ]

    operations = [
        migrations.AddField(
            model_name='languagemodel',
            name='base_model',
            field=models.CharField(blank=True, default='', max_length=256, validators=[django.core.validators.RegexValidator('^[^\\s\\x00-\\x1f\\x7f]+\\Z', 'A model name has no spaces or control characters.')]),
        ),
        migrations.AddField(
            model_name='languagemodel',
            name='max_output_tokens',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)]),
        ),
        migrations.AddField(
            model_name='languagemodel',
            name='price_per_unit',
            field=models.DecimalField(blank=True, decimal_places=10, max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))]),
        ),
        migrations.AddField(
            model_name='languagemodel',
            name='unit',
            field=models.CharField(blank=True, choices=[('search', 'Search'), ('image', 'Image'), ('character', 'Character'), ('second', 'Second')], default='', max_length=16),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
