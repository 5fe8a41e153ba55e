"""One test request through a group, through the very routers that serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync

from access.models import Actor

DEFAULT_MESSAGES = [{"role": "user", "content": "Hello, respond with one word."}]


@dataclass(frozen=True, slots=True)
class RoutingTrace:
    """One attempt as the REST API names it; from `error_class` on it is ours.

    `started_ms` counts from the start of the request.
    """

    deployment_id: str
    deployment_name: str
    provider: str
    latency_ms: float
    was_fallback: bool
    fallback_depth: int
    status: str
    error_message: str | None
    error_class: str | None
    tier: int
    moved_on_because: str | None
    started_ms: float
    dropped_params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one test request (`RoutingGroupTestResult` of the REST API)."""

    success: bool
    response_text: str | None
    traces: tuple[RoutingTrace, ...]
    total_latency_ms: float
    final_deployment: str
    final_provider: str
    call_id: str
    error: str | None = None
    skipped: tuple[dict[str, Any], ...] = ()


def try_group(
    *,
    name: str,
    by: Actor,
    messages: list[dict[str, Any]] | None = None,
    mock: bool = False,
    params: dict[str, Any] | None = None,
) -> Trial:
    """Sends one real (or mock) request through the group `name`, active or not. For synchronous views.

    Raises `gateway.openai.ApiError` (400) for messages or parameters that cannot be routed.
    """
    # Imported here because LiteLLM takes seconds to import and most commands load the URLs, and so this file.
    from gateway.trial_run import send

    body = {"messages": messages or DEFAULT_MESSAGES, **(params or {}), "model": name, "stream": False}
    return async_to_sync(send)(name=name, by=by, body=body, mock=mock)
