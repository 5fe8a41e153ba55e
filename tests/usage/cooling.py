"""Rows of breakers that are open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from usage.models import CooldownRecord


def cooling(*, left_s: float = 30, deployment_id: UUID | None = None, **fields: Any) -> CooldownRecord:
    """A deployment of the group `chat` cools down in one process for so long."""
    now, deployment_id = timezone.now(), deployment_id or uuid4()
    values = {
        "process": uuid4(),
        "breaker": f"deployment:{deployment_id}",
        "groups": ["chat"],
        "group_id": uuid4(),
        "deployment_id": deployment_id,
        "deployment_name": "Llama",
        "provider": "Nebius",
        "cause": "2×429",
        "error_class": "RateLimitError",
        "error": "Slow down",
        "since": now,
        "until": now + timedelta(seconds=left_s),
        "next_probe": now + timedelta(seconds=left_s),
    }
    return CooldownRecord.objects.create(**{**values, **fields})
