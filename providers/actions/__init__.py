"""Actions on providers and models.

Every action bumps the configuration's version for the gateway, and is in the audit log.
"""

from __future__ import annotations

from providers.actions.keys import rotate_keys
from providers.actions.models import (
    MAX_MODELS_AT_ONCE,
    ModelFields,
    accept_catalog_updates,
    create_model,
    decline_catalog_updates,
    delete_model,
    update_model,
)
from providers.actions.providers import (
    ProviderFields,
    create_provider,
    create_waiting_provider,
    delete_provider,
    update_provider,
)

__all__ = [
    "MAX_MODELS_AT_ONCE",
    "ModelFields",
    "ProviderFields",
    "accept_catalog_updates",
    "create_model",
    "create_provider",
    "create_waiting_provider",
    "decline_catalog_updates",
    "delete_model",
    "delete_provider",
    "rotate_keys",
    "update_model",
    "update_provider",
]
