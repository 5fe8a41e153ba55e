"""One request while it is served, shared by the pipeline and the request log."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from access.keys import KeyHolder
from engine.ledger import Trace
from engine.outcomes import CLIENT_LEFT, Outcome, outcome_of
from engine.spec import DeploymentSpec
from engine.upstreams import estimates
from engine.upstreams.call import Answer, Call, Endpoint, Stream, Usage
from engine.upstreams.kept import Kept
from gateway.admission.rate_limits import RateLimits
from gateway.resolve import Route, VirtualChoice

if TYPE_CHECKING:
    from gateway.tracing.spans import RequestSpan


@dataclass(slots=True)
class Exchange:
    """One request while it is served, with everything for its record.

    `is_held`: credits are held for it; `rate_limits` counts its tokens; `error_code` is the reason of a refusal, in
    OpenAI's words; `was_routed`: its group was asked. `revision` is the group's, None for a lone model. The group is
    empty until the request is resolved. `call` is the routed call; `keep` notes who owns what a provider keeps of it.
    Where requests are traced, `span` is its span, and `heard` are the events of its stream if its content is captured.
    """

    endpoint: Endpoint | Literal["probe"]
    holder: KeyHolder
    trace: Trace
    choice: VirtualChoice | None = None
    revision: int | None = None
    started: float = field(default_factory=time.perf_counter)
    started_at: float = field(default_factory=time.time)
    status: int = CLIENT_LEFT
    error_code: str = ""
    result: Answer | Stream | None = None
    is_held: bool = False
    rate_limits: RateLimits | None = None
    was_routed: bool = False
    call: Call | None = None
    keep: Callable[[Exchange, Kept], Awaitable[None]] | None = None
    span: RequestSpan | None = None
    heard: list[bytes] | None = None

    def go(self, route: Route) -> None:
        """Sets the group of the request, and what chose it."""
        spec = route.group.spec
        self.trace.model_group, self.choice, self.revision = spec.name, route.choice, spec.revision

    @property
    def is_cut(self) -> bool:
        """Whether its answer broke off in the middle, and has no words to say so."""
        return isinstance(self.result, Stream) and bool(self.result.kind) and self.status != 200

    @property
    def duration_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000

    @property
    def outcome(self) -> Outcome:
        """The outcome; only for a request that has ended."""
        return outcome_of(self.status, was_routed=self.was_routed, code=self.error_code)

    @property
    def counted(self) -> tuple[Usage | None, DeploymentSpec | None]:
        """The tokens and their deployment.

        If the caller left before the answer, the upstream has read the input all the same.
        """
        if self.result is not None:
            return self.result.usage, self.result.deployment
        call, last = self.call, self.trace.last
        if self.status != CLIENT_LEFT or call is None or last is None or last.status != "cancelled":
            return None, None
        return estimates.usage(call.chat), call.asked
