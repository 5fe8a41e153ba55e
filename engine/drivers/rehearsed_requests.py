"""What the rehearsal's driver keeps of a request that is on its way, and of each place where it may be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.core.actions import Ask
from engine.core.journey import Journey
from engine.core.state import Group, Target
from engine.drivers.effects import Effect
from engine.faults.conditions import Conditions
from engine.faults.fates import Fate
from engine.ledger import Attempt, AttemptStatus, Trace
from engine.outcomes import Outcome
from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.recording import Finished
from engine.rehearsal.results import DeploymentCount
from engine.rehearsal.stations import Service, Timer
from engine.rehearsal.trace_lines import TraceLines, parts_of
from engine.rehearsal.trace_rows import thousandths
from engine.spec import DeploymentSpec

if TYPE_CHECKING:
    from engine.drivers.rehearsed_conversations import Talk
    from engine.drivers.rehearsed_rescues import Rescued


@dataclass(slots=True, eq=False)
class Place:
    """A deployment in a group: what asking it takes and who counts it. Limits of one attempt are in seconds.

    Only its prices change in a run, with its `row`.

    `limit_s` is that of the answer, or of a stream's first token; `idle_s` that between two of its events. To the
    caller, a stream that `is_collected` is a whole answer, which may take `whole_s`. The prices are those of a token, 0
    where one of them is unknown. `parts` are those of the traces of requests that it answered at once. Where it
    `has_capacity`, that is finite. `gateway_ms` is the gateway's own time for each request.
    """

    row: DeploymentSpec
    group: str
    tier: int
    conditions: Conditions
    count: DeploymentCount
    limit_s: float
    limit_is_of: str
    idle_s: float
    is_stream: bool
    is_collected: bool
    whole_s: float
    input_usd: float
    output_usd: float
    parts: tuple[str, ...]
    has_capacity: bool
    gateway_ms: float


class Request:
    """One request of a run: where it is on its way, and how the attempt under way will end.

    Most are answered by the first deployment that they ask: those have no `journey`, no `trace` (of the attempts that
    have ended) and no `failures` (the effects of those that failed). `ask` is the attempt under way, or the last one,
    at `place`; its stream's first token came at `first_token_s`. `rescued` is what becomes of a stream that broke, if
    its group rescues those; `talk` is its conversation, if it has one. At an
    upstream of finite capacity its attempt is a `service`, which ends when it `expires`.
    """

    __slots__ = (
        "ask", "began_s", "client", "cost_usd", "deadline_s", "effect", "ended_s", "expires", "failures", "fate",
        "first_token_s", "index", "input_tokens", "is_stream", "journey", "output_tokens", "place", "rescued",
        "service", "talk", "trace",
    )  # fmt: skip

    ask: Ask
    first_token_s: float | None
    place: Place
    fate: Fate
    effect: Effect
    expires: Timer
    trace: Trace
    failures: list[Effect]
    cost_usd: float
    ended_s: float

    def __init__(
        self,
        index: int,
        input_tokens: int,
        output_tokens: int,
        client: ClientRetries | None,
        began_s: float,
        deadline_s: float,
        is_stream: bool,
    ) -> None:
        self.is_stream = is_stream
        self.index, self.input_tokens, self.output_tokens, self.client = index, input_tokens, output_tokens, client
        self.began_s, self.deadline_s = began_s, deadline_s
        self.journey: Journey | None = None
        self.rescued: Rescued | None = None
        self.talk: Talk | None = None
        self.service: Service | None = None

    @property
    def first_token_ms(self) -> float | None:
        """How long its caller waited for the first token, if the first deployment that it asked has answered."""
        return None if self.first_token_s is None else (self.first_token_s - self.began_s) * 1000

    def attempt(self, now: float, status: AttemptStatus, effect: Effect | None = None) -> Attempt:
        """The attempt under way, which has ended so."""
        ask, place, row = self.ask, self.place, self.place.row
        attempt = Attempt(row.deployment_id, row.name, row.provider, place.group, place.tier, ask.began_s, ask.depth)
        attempt.duration_ms, attempt.status = (now - ask.began_s) * 1000, status
        if self.first_token_s is not None:
            attempt.first_token_ms = (self.first_token_s - ask.began_s) * 1000
        if effect is not None:
            attempt.error_class, attempt.error_message = effect.error_class, effect.message
            attempt.status_code = effect.status_code
        elif status == "success":
            attempt.status_code = 200
        if self.talk is not None:
            attempt.sticky = self.talk.bound == row.deployment_id and not self.trace.attempts
        if self.rescued is not None and self.rescued.kind is not None:
            attempt.rescue = self.rescued.kind.value
        return attempt

    def line(self) -> tuple[str, float]:
        """The trace of one that was answered at once, by the first deployment that it asked; when it ended, in ms."""
        began_s, first_s, cost = self.began_s, self.first_token_s, round(self.cost_usd, 9) if self.cost_usd else 0.0
        at_ms, tried_ms = thousandths(began_s * 1000), thousandths((self.ended_s - began_s) * 1000)
        at, tried = repr(at_ms), repr(tried_ms)
        took_ms = thousandths(tried_ms + self.place.gateway_ms)
        first = "null" if first_s is None else repr(thousandths((first_s - began_s) * 1000))
        a, b, c, d, e, f, g, h, i, j = self.place.parts
        spent = f"{d}{self.input_tokens}{e}{self.output_tokens}{f}{cost}"
        return f"{a}{self.index}{b}{at}{c}{took_ms!r}{spent}{g}{at}{h}{tried}{i}{first}{j}", at_ms + took_ms

    def row(self, zero_s: float) -> dict[str, Any]:
        """The same as JSON."""
        return dict(from_json(self.line()[0]))

    def tell(self, traces: TraceLines, zero_s: float) -> None:
        """Adds the same to a message."""
        traces.add_answered(*self.line(), self.index, self.place.row.deployment_id)


def places_of(
    groups: Iterable[Group],
    conditions: Mapping[str, Conditions],
    counts: Mapping[str, DeploymentCount],
    *,
    is_stream: bool,
    gateway_ms: float,
) -> dict[Target, Place]:
    """All places of these groups; `is_stream` is what their callers ask for."""
    return {
        target: _place(group, target, conditions[target.key], counts[target.key], is_stream, gateway_ms)
        for group in groups
        for target in group.targets()
    }


def _place(
    group: Group, target: Target, conditions: Conditions, count: DeploymentCount, is_asked: bool, gateway_ms: float
) -> Place:
    row, spec, policy = target.spec, group.spec, group.spec.retry
    is_stream = is_asked or spec.streams_upstream
    return Place(
        row,
        spec.name,
        spec.tier_of(row),
        conditions,
        count,
        policy.limit_s(is_stream=is_stream),
        "no first token" if is_stream else "no answer",
        policy.stream_idle_timeout_s,
        is_stream,
        is_stream and not is_asked,
        policy.timeout_s,
        row.cost_usd(input_tokens=1, output_tokens=0) or 0.0,
        row.cost_usd(input_tokens=0, output_tokens=1) or 0.0,
        parts_at(row, spec.name, spec.tier_of(row)),
        conditions.has_capacity,
        gateway_ms,
    )


def parts_at(row: DeploymentSpec, group: str, tier: int) -> tuple[str, ...]:
    """The parts of the lines of requests that this deployment has answered at once."""
    attempt = Attempt(row.deployment_id, row.name, row.provider, group, tier, 0.0, status="success", status_code=200)
    trace = Trace("", group, [attempt])
    return parts_of(Finished(0, trace, 0.0, 0.0, Outcome.ANSWERED, None, None, 0.0, None).row(0.0))
