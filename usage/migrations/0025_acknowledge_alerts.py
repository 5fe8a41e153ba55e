from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('usage', '0024_partition_the_log_by_day'),
    ]

    operations = [
        migrations.AddField(
            model_name='alert',
            name='acknowledged_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='alert',
            name='acknowledged_by',
            field=models.CharField(blank=True, default='', max_length=150),
        ),
    ]
