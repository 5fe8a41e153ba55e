from django.apps import AppConfig


class TesterConfig(AppConfig):
    name = "tester"
    default_auto_field = "django.db.models.BigAutoField"
