"""One request while it is served: what the pipeline does and the request log tells."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from access.keys import KeyHolder
from engine.ledger import Trace
from engine.outcomes import CLIENT_LEFT, Outcome, outcome_of
from engine.spec import DeploymentSpec
from engine.upstreams import estimates
from engine.upstreams.call import Answer, Call, Endpoint, Stream, Usage
from gateway.admission.rate_limits import RateLimits
from gateway.resolve import Route, VirtualChoice


@dataclass(slots=True)
class Exchange:
    """One request while it is served, and all that will be recorded of it.

    `is_held` says that credits are held back for it, `rate_limits` who counts its tokens; `error_code` is why it was
    refused, in OpenAI's words; `was_routed` that its group was asked. `revision` is the group's, None of a lone model.
    Until it is known where a request goes, it has no group. `call` is what was routed.
    """

    endpoint: Endpoint
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

    def go(self, route: Route) -> None:
        """Says which group it is for, and what chose that one."""
        spec = route.group.spec
        self.trace.model_group, self.choice, self.revision = spec.name, route.choice, spec.revision

    @property
    def duration_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000

    @property
    def outcome(self) -> Outcome:
        """How it ended; asked for once it has."""
        return outcome_of(self.status, was_routed=self.was_routed, code=self.error_code)

    @property
    def counted(self) -> tuple[Usage | None, DeploymentSpec | None]:
        """The tokens and who had them. An upstream whose caller has left before its answer has read what was asked."""
        if self.result is not None:
            return self.result.usage, self.result.deployment
        call, last = self.call, self.trace.last
        if self.status != CLIENT_LEFT or call is None or last is None or last.status != "cancelled":
            return None, None
        return estimates.usage(call.body), call.asked
