"""A finished request from the pipeline: the columns of the log, lighter than a Django row."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

from usage.models import RequestRecord

# The endpoint of a request of ours that proves a standby, and its owner, which is no user name. It is no traffic: only
# its cost and tokens are counted.
PROBE: Literal["probe"] = "probe"
PROVER = "standby proof"


@dataclass(slots=True)
class FinishedRequest:
    """One request: its fields are the columns of `RequestRecord`. `started_at` is UTC."""

    call_id: str
    model_group: str
    endpoint: str
    owner: str
    key_id: str
    key_name: str
    team_id: str
    team: str
    provider_id: str
    provider: str
    deployment_id: str
    deployment_name: str
    model: str
    is_own_key: bool
    started_at: datetime
    duration_ms: float
    first_token_ms: float | None
    status: int
    outcome: str
    error_class: str
    is_stream: bool
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    is_estimated: bool
    cost_usd: float | None
    virtual_model: str
    virtual_tier: str
    score: int | None
    revision: int | None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    fell_back: bool = False
    skipped: list[dict[str, Any]] = field(default_factory=list)
    units: float | None = None
    unit: str = ""
    rescued: bool = False
    has_skips: bool = False


Finished = FinishedRequest | RequestRecord
COLUMNS = tuple(column.name for column in fields(FinishedRequest))
STARTED_AT, ATTEMPTS, SKIPPED = (COLUMNS.index(name) for name in ("started_at", "attempts", "skipped"))
values_of = attrgetter(*COLUMNS)


def record_of(request: Finished) -> RequestRecord:
    """The future row as a model instance, for reading."""
    return RequestRecord(**dict(zip(COLUMNS, values_of(request), strict=True)))
