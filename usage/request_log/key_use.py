"""The time when an API key was last used: written periodically, not with every request."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import UUID

import structlog
from django.db import DatabaseError
from django.db.transaction import atomic
from django.utils import timezone

from access.models import ApiKey

log = structlog.get_logger(__name__)

EVERY_S = 30.0


class KeyUse:
    """The recent writes of one process, by key id."""

    def __init__(self) -> None:
        self._written: dict[str, float] = {}

    def note(self, key_ids: Iterable[str]) -> None:
        """Marks keys as used now, each once in EVERY_S. A failure must not affect anything else."""
        now = time.monotonic()
        due = {key for key in key_ids if key and now - self._written.get(key, -EVERY_S) >= EVERY_S}
        if not due:
            return
        try:
            _write(due)
        except (DatabaseError, ValueError) as error:
            log.warning("use of keys not noted", error=str(error))
        else:
            self._written |= dict.fromkeys(due, now)


@atomic
def _write(key_ids: Iterable[str]) -> None:
    """Skips keys that another process is marking: a deadlock would be worse."""
    rows = ApiKey.objects.select_for_update(skip_locked=True).filter(pk__in=[UUID(key) for key in key_ids])
    free = list(rows.order_by("pk").values_list("pk", flat=True))
    ApiKey.objects.filter(pk__in=free).update(last_used_at=timezone.now())
