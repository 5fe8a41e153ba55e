from django.db import migrations, models


class Migration(migrations.Migration):
    """The newest answers of one deployment are what its speed is measured from."""

    dependencies = [("usage", "0017_sum_up_units")]

    operations = [
        migrations.AddIndex(
            model_name="requestrecord",
            index=models.Index(
                fields=["deployment_id", "outcome", "started_at"], name="request_of_deployment_by_time"
            ),
        ),
    ]
