"""Requests as the gateway logs them."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from tests.usage.log import finished, log
from usage.models import RequestRecord

# Newest requests are looked for in the last day first, and then in all, where the log has partitions.
HAS_PARTITIONS = connection.vendor == "postgresql"


def tried(provider: str = "Nebius", *, status: str = "success", moved_on: str = "", **fields: Any) -> dict[str, Any]:
    """One attempt as the log holds it."""
    attempt = {
        "deployment_id": provider,
        "deployment_name": f"{provider} llama",
        "provider": provider,
        "tier": 1,
        "started_at": timezone.now().isoformat(),
        "duration_ms": 120.0,
        "status": status,
        "status_code": 200 if status == "success" else 503,
        "moved_on_because": moved_on or None,
    }
    return {**attempt, **fields}


def request_of(call_id: str, *, age_min: float = 1, **fields: Any) -> RequestRecord:
    """A request of charlie's that was answered, some minutes ago; not written."""
    values = {
        "model_group": "chat",
        "owner": "charlie",
        "provider": "Nebius",
        "deployment_name": "Nebius llama",
        "model": "llama-3.3",
        "duration_ms": 150.0,
        "attempts": [tried()],
    }
    return finished(call_id, days_ago=age_min / 1440, **{**values, **fields})


def logged(call_id: str, **fields: Any) -> RequestRecord:
    """The same, written as the recorder does."""
    record = request_of(call_id, **fields)
    log(record)
    return record
