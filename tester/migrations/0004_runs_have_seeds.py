

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tester', '0003_runs_can_be_changed_under_way'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='measured',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='run',
            name='seeds',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='run',
            name='seeds_error',
            field=models.TextField(blank=True, default=''),
        ),
    ]
