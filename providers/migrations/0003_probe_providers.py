import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0002_hold_several_secrets_and_what_the_catalog_said'),
    ]

    operations = [
        migrations.AddField(
            model_name='provider',
            name='error_since',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='provider',
            name='failed_probes',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='provider',
            name='latency_ms',
            field=models.FloatField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='provider',
            name='next_probe_at',
            field=models.DateTimeField(db_index=True, editable=False, null=True),
        ),
        migrations.CreateModel(
            name='Probe',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('is_ok', models.BooleanField()),
                ('latency_ms', models.FloatField()),
                ('trouble', models.CharField(blank=True, default='', max_length=32)),
                ('error', models.CharField(blank=True, default='', max_length=512)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='probes', to='providers.provider')),
            ],
            options={
                'ordering': ['-at'],
                'indexes': [models.Index(fields=['provider', '-at'], name='probe_of_provider_by_time')],
            },
        ),
    ]
