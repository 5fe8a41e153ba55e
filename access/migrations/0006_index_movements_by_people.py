from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0005_hand_down_what_is_assigned_to_a_key'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='movement',
            index=models.Index(condition=models.Q(('kind', 'charge'), _negated=True), fields=['account', '-id'], name='movements_by_people'),
        ),
    ]
