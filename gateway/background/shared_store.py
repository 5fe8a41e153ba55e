"""What the processes of an installation share: routing state and wrong keys, through Redis where there is one."""

from __future__ import annotations

import hashlib

from django.conf import settings

from access.throttling import failed_keys
from engine.shared.local import LocalStore
from engine.shared.store import StateStore


def shared_store() -> StateStore:
    """The store of this process."""
    if not settings.REDIS_URL:
        return LocalStore()
    from engine.shared.valkey import ValkeyStore  # only where there is one: its client takes 0.2 s to import

    store = ValkeyStore(settings.REDIS_URL, installation=_installation())
    store.strikes.hear, failed_keys.tell = failed_keys.heard, store.strikes.strike
    return store


def _installation() -> str:
    """The same in all processes of this installation, and in no other that uses the same Redis."""
    return hashlib.sha256(b"shared state of " + settings.SECRET_KEY.encode()).hexdigest()[:12]
