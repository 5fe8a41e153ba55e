from django.db import migrations, models

# New providers of these types are called without LiteLLM. Those that exist stay as they were until somebody switches.
TYPES = ("anthropic", "azure", "mistral", "ollama")


def stay_on_litellm(apps, schema_editor):
    apps.get_model("providers", "Provider").objects.filter(type__in=TYPES).update(dialects=["litellm"])


class Migration(migrations.Migration):

    dependencies = [
        ("providers", "0004_price_cache_writes"),
    ]

    operations = [
        migrations.AddField(
            model_name="provider",
            name="dialects",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.RunPython(stay_on_litellm, migrations.RunPython.noop),
    ]
