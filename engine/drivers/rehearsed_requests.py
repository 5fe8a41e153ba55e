"""What the rehearsal's driver keeps of a request that is on its way, and of each place where it may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.core.actions import Ask
from engine.core.journey import Journey
from engine.drivers.effects import Effect
from engine.faults.conditions import Conditions
from engine.faults.fates import Fate
from engine.ledger import Attempt, AttemptStatus, Trace
from engine.outcomes import Outcome
from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.recording import Finished
from engine.rehearsal.results import DeploymentCount
from engine.spec import DeploymentSpec
from engine.upstreams.tokens import Usage


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A deployment in a group: what asking it takes and who counts it. Limits of one attempt are in seconds.

    `limit_s` is that of the answer, or of a stream's first token; `idle_s` that between two of its events. To the
    caller, a stream that `is_collected` is a whole answer, which may take `whole_s`. The prices are those of a token, 0
    where one of them is unknown.
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


class Request:
    """One request of a run: where it is on its way, and how the attempt under way will end.

    Most are answered by the first deployment that they ask: those have no `journey`, no `trace` (of the attempts that
    have ended) and no `failures` (the effects of those that failed). `ask` is the attempt under way, or the last one,
    at `place`; its stream's first token came at `first_token_s`.
    """

    __slots__ = (
        "ask", "began_s", "client", "cost_usd", "deadline_s", "effect", "ended_s", "failures", "fate", "first_token_s",
        "index", "input_tokens", "journey", "output_tokens", "place", "trace",
    )  # fmt: skip

    ask: Ask
    first_token_s: float | None
    place: Place
    fate: Fate
    effect: Effect
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
    ) -> None:
        self.index, self.input_tokens, self.output_tokens, self.client = index, input_tokens, output_tokens, client
        self.began_s, self.deadline_s = began_s, deadline_s
        self.journey: Journey | None = None

    @property
    def usage(self) -> Usage:
        """The tokens of its answer."""
        return Usage(self.input_tokens, self.output_tokens, self.input_tokens + self.output_tokens)

    @property
    def duration_ms(self) -> float:
        """From its begin to its end."""
        return self.ended_s * 1000 - self.began_s * 1000

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
        return attempt

    def row(self, zero_s: float) -> dict[str, Any]:
        """It was answered at once, by the first deployment that it asked."""
        trace = Trace(str(self.index), self.place.group, [self.attempt(self.ended_s, "success")])
        spent = self.duration_ms, Outcome.ANSWERED, None, self.usage, self.cost_usd, None
        return Finished(self.index, trace, self.began_s * 1000, *spent).row(zero_s)
