"""A plausible request log: who asks is uneven, a few groups have most of the traffic, some requests fail."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.utils import timezone

from usage.journal import Entry, write
from usage.models import RequestRecord

KEYS, TEAMS, GROUPS, MODELS, PROVIDERS, DAYS = 200, 20, 20, 10, 5, 90
AT_ONCE = 2000
STATUSES, SHARES = (200, 503, 429, 400, 499), (940, 20, 15, 15, 10)
MODEL_NAMES = [f"model-{n}" for n in range(MODELS)]


def fill(first: int, size: int) -> None:
    """Writes requests `first` to `size`, spread over the days, in order of time, as the recorder writes them."""
    rng = random.Random(first)
    begin, count = timezone.now() - timedelta(days=DAYS), size - first
    step = timedelta(days=DAYS) / count
    for start in range(0, count, AT_ONCE):
        batch = range(start, min(start + AT_ONCE, count))
        write([Entry(_request(rng, begin + step * number)) for number in batch])


def _request(rng: random.Random, started_at: datetime) -> RequestRecord:
    key = min(int(rng.expovariate(4 / KEYS)), KEYS - 1)
    group = (key * 7 + rng.choice((0, 0, 0, 1, 2)) * (key % 3)) % GROUPS
    model = (group + rng.choices((0, 1, 2), (90, 8, 2))[0]) % MODELS
    status, provider = rng.choices(STATUSES, SHARES)[0], f"Provider {model % PROVIDERS}"
    output = int(rng.lognormvariate(5, 1))
    duration_ms = 200 + 8 * output * rng.lognormvariate(0, 0.4)
    return RequestRecord(
        call_id=f"{rng.getrandbits(128):032x}",
        model_group=f"group-{group:02}",
        endpoint="chat/completions",
        owner=f"person-{key % 100:03}",
        key_id=_id("key", key),
        key_name=f"key {key}",
        team_id=_id("team", key % TEAMS),
        team=f"team {key % TEAMS}",
        provider_id=_id("provider", model % PROVIDERS),
        provider=provider,
        deployment_id=_id("model", model),
        deployment_name=f"{provider}/{MODEL_NAMES[model]}",
        model=MODEL_NAMES[model],
        is_own_key=key % 25 == 0,
        started_at=started_at,
        duration_ms=duration_ms,
        first_token_ms=duration_ms / 5,
        status=status,
        error_class="" if status == 200 else "ServiceUnavailableError",
        is_stream=rng.random() < 0.5,
        input_tokens=int(rng.lognormvariate(6, 1)),
        output_tokens=output,
        cached_tokens=0,
        cost_usd=output * 1e-6,
        virtual_model="auto" if key % 4 == 0 else "",
        attempts=[_attempt(provider, model, group, started_at, duration_ms, status)],
    )


@cache
def _id(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {number}"))


def _attempt(provider: str, model: int, group: int, at: datetime, duration_ms: float, status: int) -> dict[str, Any]:
    return {
        "deployment_id": _id("model", model),
        "deployment_name": f"{provider}/{MODEL_NAMES[model]}",
        "provider": provider,
        "model_group": f"group-{group:02}",
        "tier": 1,
        "started_at": at.isoformat(),
        "fallback_depth": 0,
        "duration_ms": duration_ms,
        "first_token_ms": duration_ms / 5,
        "status": "success" if status == 200 else "error",
        "status_code": status,
        "error_class": None if status == 200 else "ServiceUnavailableError",
        "error_message": None,
        "moved_on_because": None,
    }
