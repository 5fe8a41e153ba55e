"""Attempts at a deployment, as the request log has them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from usage.health.capacity_fit import SeenAttempt
from usage.models import RequestRecord

BEGIN = datetime(2030, 1, 31, 14, tzinfo=UTC).timestamp()
BESIDE = "5a3a54d6-beside"


def moment(at_s: float) -> datetime:
    """So many seconds after the begin."""
    return datetime.fromtimestamp(BEGIN + at_s, UTC)


def tried(one: SeenAttempt, ours: str, **fields: Any) -> dict[str, Any]:
    """The attempt as the log has it."""
    failure = {"status": "error", "status_code": 429 if one.is_refused else 503}
    return {
        "deployment_id": ours,
        "started_at": moment(one.began_s).isoformat(),
        "duration_ms": 1000 * (one.ended_s - one.began_s),
        "first_token_ms": None if one.first_token_s is None else 1000 * (one.first_token_s - one.began_s),
        **({"status": "success", "status_code": 200} if one.is_answered else failure),
        **fields,
    }


def row(number: int, ours: str, one: SeenAttempt, *attempts: dict[str, Any], **fields: Any) -> RequestRecord:
    """Its request: another deployment answers what it does not."""
    then = {
        "deployment_id": BESIDE,
        "started_at": moment(one.ended_s).isoformat(),
        "duration_ms": 50.0,
        "status": "success",
    }
    known = {
        "call_id": f"{number:08x}",
        "model_group": "chat",
        "deployment_id": ours if one.is_answered else BESIDE,
        "started_at": moment(one.began_s),
        "outcome": "answered",
        "duration_ms": 1.0,
        "status": 200,
        "is_stream": one.first_token_s is not None,
        "output_tokens": one.output_tokens,
        "attempts": [*attempts, tried(one, ours), *([] if one.is_answered else [then])],
    }
    return RequestRecord(**{**known, **fields})


def log(ours: str, attempts: Iterable[SeenAttempt], **fields: Any) -> None:
    """Nobody answers every third of the requests that ours does not."""
    RequestRecord.objects.bulk_create(
        row(n, ours, one, **(fields if one.is_answered or n % 3 else {"outcome": "failed", **fields}))
        for n, one in enumerate(attempts)
    )
