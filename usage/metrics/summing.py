"""The sums of this process: what the gateway and rehearsals count into."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from usage.metrics import declared
from usage.metrics.sums import Sums

# Counted by the event loop, without a lock; rehearsals end in threads, and have one.
sums = Sums(most=settings.METRICS_MAX_SERIES)
_lock = threading.Lock()
_running = 0


@contextmanager
def rehearsing() -> Iterator[list[str]]:
    """A rehearsal is under way; its outcome is what the caller puts into the list."""
    global _running
    outcome = ["failed"]
    with _lock:
        _running += 1
    try:
        yield outcome
    finally:
        with _lock:
            _running -= 1
            sums.add(declared.REHEARSALS, (outcome[-1],))


def rehearsals_running() -> int:
    """How many are under way in this process."""
    return _running
