from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups', '0011_call_it_ordered_fallback'),
    ]

    operations = [
        migrations.AddField(
            model_name='deployment',
            name='region',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
    ]
