from django.apps import AppConfig
from django.conf import settings

from engine import addresses, limits


class ProvidersConfig(AppConfig):
    name = "providers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        addresses.adopt(addresses.AddressPolicy(allows_private=settings.ALLOW_PRIVATE_UPSTREAMS))
        limits.adopt(limits.Limits(answer_mb=settings.MAX_ANSWER_MB))
