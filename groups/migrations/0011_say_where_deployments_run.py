from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('groups', '0010_share_the_traffic_of_groups'),
    ]

    operations = [
        migrations.AddField(
            model_name='deployment',
            name='region',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
    ]
