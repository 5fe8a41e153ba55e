"""One test request through a group, through the very routers that serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT_MESSAGES = [{"role": "user", "content": "Hello, respond with one word."}]


@dataclass(frozen=True, slots=True)
class RoutingTrace:
    """One attempt as the REST API names it; `tier` and `moved_on_because` are ours."""

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


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test request (`RoutingGroupTestResult` of the REST API)."""

    success: bool
    response_text: str | None
    traces: tuple[RoutingTrace, ...]
    total_latency_ms: float
    final_deployment: str
    final_provider: str
    call_id: str
    error: str | None = None


def test_group(
    *, name: str, messages: list[dict[str, Any]] | None = None, mock: bool = False, params: dict[str, Any] | None = None
) -> TestResult:
    """Sends one real (or mock) request through the active group `name`; called from synchronous views."""
    raise NotImplementedError
