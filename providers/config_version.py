"""The version of the configuration: when it changes, every server process reloads.

Each action that changes what the gateway serves calls `bump()` first, inside its transaction. That order matters: on
PostgreSQL the row stays locked until the commit, so that changes of the configuration are serialised, and a check after
the bump still holds at the end of the transaction.
"""

from __future__ import annotations

from django.db.models import F

from providers.models import ConfigVersion

ROW = 1


def bump() -> None:
    """Counts one change; waits for a running change to finish."""
    if not ConfigVersion.objects.filter(pk=ROW).update(value=F("value") + 1):
        ConfigVersion.objects.get_or_create(pk=ROW)
        ConfigVersion.objects.filter(pk=ROW).update(value=F("value") + 1)


def current() -> int:
    """The number of changes so far; 0 before the first."""
    return ConfigVersion.objects.filter(pk=ROW).values_list("value", flat=True).first() or 0
