"""A finished exchange -> its row in the request log, what it cost, and what its key has used."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from access.credits import Settlement
from access.keys import KeyHolder
from access.models import NANO
from engine.ledger import Attempt, Trace
from engine.outcomes import Outcome
from engine.spec import DeploymentSpec
from engine.upstreams.call import Answer, Endpoint, Stream
from gateway.exchange import Exchange
from usage.finished import COLUMNS
from usage.recorder import recorder
from usage.wire import Wire, attempt_of, settlement_of

# Of whom the columns that are not named so themselves come from: names as they are now, so that the row outlives what
# it speaks of.
SOURCES = {
    "call_id": "trace.call_id",
    "model_group": "trace.model_group",
    "owner": "holder.name",
    "key_name": "holder.key_name",
    "team_id": "holder.team_id",
    "team": "holder.team",
    "provider_id": "last.provider_id",
    "provider": "last.provider",
    "deployment_id": "last.deployment_id",
    "deployment_name": "last.deployment_name",
    "model": "last.model",
    "is_own_key": "last.own_key",
    "first_token_ms": "last.first_token_ms",
    "input_tokens": "usage.input_tokens",
    "output_tokens": "usage.output_tokens",
    "cached_tokens": "usage.cached_tokens",
    "cache_write_tokens": "usage.cache_write_tokens",
    "reasoning_tokens": "usage.reasoning_tokens",
    "is_estimated": "usage.is_estimated",
    "virtual_model": "choice.virtual_model",
    "virtual_tier": "choice.tier",
    "score": "choice.score",
}
values_of = attrgetter(*(SOURCES.get(column, column) for column in COLUMNS))


@dataclass(slots=True)
class Ended:
    """What the log needs of an exchange that has ended, and nothing as large as its answer.

    `last`, `usage` and `choice` have the fields of an `Attempt`, a `Usage` and a `Choice`, also where there is none;
    `deployment` is who answered, None where tokens are not known. The row is made of it later, many at a time: between
    two requests it takes the server four times as long.
    """

    endpoint: Endpoint
    holder: KeyHolder
    trace: Trace
    last: Attempt
    choice: Any
    usage: Any
    deployment: DeploymentSpec | None
    started_at: float
    duration_ms: float
    status: int
    outcome: str
    error_code: str
    revision: int | None
    is_held: bool
    is_stream: bool

    @property
    def call_id(self) -> str:
        return self.trace.call_id

    @property
    def key_id(self) -> str:
        return self.holder.key_id or ""

    @property
    def error_class(self) -> str:
        """The upstream's error, or our own reason to refuse; nothing after a success."""
        return "" if self.outcome == Outcome.ANSWERED else self.last.error_class or self.error_code

    @property
    def cost_usd(self) -> float | None:
        """By the catalog's prices; None when nobody answered, or tokens or prices are unknown."""
        cost: float | None = self.usage.cost_usd(self.deployment) if self.deployment else None
        return cost

    @property
    def attempts(self) -> list[tuple[Any, ...]]:
        return [attempt_of(attempt) for attempt in self.trace.attempts]

    @property
    def fell_back(self) -> bool:
        return self.trace.has_fallen_back

    @property
    def skipped(self) -> list[dict[str, Any]]:
        return [skip.to_json() for skip in self.trace.skipped]

    @property
    def settlement(self) -> Settlement:
        """What the account that pays is charged; nothing for a failure, nor for what the person's own key has paid."""
        is_free = self.outcome == Outcome.FAILED or self.last.own_key
        charged = 0.0 if is_free else self.cost_usd or 0.0
        return Settlement(self.call_id, round(charged * NANO), self.holder.account_id, reason=self.trace.model_group)

    def wire(self) -> Wire:
        """What is to be written."""
        return values_of(self), settlement_of(self.settlement) if self.is_held else None


def record(exchange: Exchange) -> None:
    """Hands the finished request to the recorder, which settles it too; nothing waits for it."""
    usage, deployment = exchange.counted
    if usage and exchange.rate_limits:
        exchange.rate_limits.count_tokens(exchange.holder, usage.total_tokens)
    recorder.put(
        Ended(
            exchange.endpoint,
            exchange.holder,
            exchange.trace,
            exchange.trace.last or NOBODY,
            exchange.choice or NO_CHOICE,
            usage or UNCOUNTED,
            deployment if usage else None,
            exchange.started_at,
            exchange.duration_ms,
            exchange.status,
            exchange.outcome.value,
            exchange.error_code,
            exchange.revision,
            exchange.is_held,
            isinstance(exchange.result, Stream),
        )
    )


def cost_usd(result: Answer | Stream) -> float | None:
    """What an answer costs by the catalog's prices; None when tokens or prices are unknown."""
    return None if result.usage is None else result.usage.cost_usd(result.deployment)


NOBODY = Attempt(
    deployment_id="", deployment_name="", provider="", model_group="", tier=0, started_at=0.0, status="cancelled"
)
NO_CHOICE = SimpleNamespace(virtual_model="", tier="", score=None)
UNCOUNTED = SimpleNamespace(
    input_tokens=None,
    output_tokens=None,
    cached_tokens=None,
    cache_write_tokens=None,
    reasoning_tokens=None,
    is_estimated=False,
)
