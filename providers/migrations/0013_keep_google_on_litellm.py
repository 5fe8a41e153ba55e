from django.db import migrations

# New ones are called without LiteLLM. Those that exist, and say nothing of it, stay as they were until somebody switches.
TYPES = ("google", "gemini")


def stay_on_litellm(apps, schema_editor):
    providers = apps.get_model("providers", "Provider").objects.filter(type__in=TYPES)
    for provider in providers.only("id", "dialects"):
        if not provider.dialects:
            provider.dialects = ["litellm"]
            provider.save(update_fields=["dialects"])


class Migration(migrations.Migration):

    dependencies = [
        ("providers", "0012_prove_standbys"),
    ]

    operations = [migrations.RunPython(stay_on_litellm, migrations.RunPython.noop)]
