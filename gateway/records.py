"""A finished exchange -> its row in the request log, its cost, and the usage of its key."""

from __future__ import annotations

from dataclasses import dataclass

from access.credits import Settlement
from access.keys import KeyHolder
from access.models import NANO
from engine.ledger import Attempt, Trace
from engine.outcomes import Outcome
from engine.spec import DeploymentSpec
from engine.upstreams.call import Answer, Part, Stream, cost_of
from engine.upstreams.tokens import Usage
from gateway.exchange import Exchange
from gateway.resolve import VirtualChoice
from usage.metrics.summing import sums
from usage.request_log.finished import values_of
from usage.request_log.packing import LogRow, Wire, attempt_of, settlement_of
from usage.request_log.recorder import recorder

ANSWERED, FAILED = Outcome.ANSWERED, Outcome.FAILED


@dataclass(slots=True, init=False)
class FinishedExchange:
    """The part of a finished exchange that the log needs, without the answer itself.

    `deployment` is the one that answered, None if tokens are unknown. Its row is made later, many at a time: one by one
    between requests it takes four times as long.
    """

    endpoint: str
    holder: KeyHolder
    trace: Trace
    last: Attempt
    choice: VirtualChoice | None
    usage: Usage | None
    deployment: DeploymentSpec | None
    started_at: float
    duration_ms: float
    status: int
    outcome: Outcome
    error_code: str
    revision: int | None
    is_held: bool
    is_stream: bool
    parts: tuple[Part, ...]

    def __init__(self, exchange: Exchange) -> None:
        # Field by field, because the request waits: a constructor with 15 keywords takes several times as long.
        self.endpoint = exchange.endpoint
        self.holder = exchange.holder
        self.trace = trace = exchange.trace
        self.last = trace.last or NOBODY
        self.choice = exchange.choice
        self.usage, self.deployment = exchange.counted
        self.started_at = exchange.started_at
        self.duration_ms = exchange.duration_ms
        self.status = exchange.status
        self.outcome = exchange.outcome
        self.error_code = exchange.error_code
        self.revision = exchange.revision
        self.is_held = exchange.is_held
        call = exchange.call
        # One that failed before it began was asked for as a stream all the same.
        self.is_stream = isinstance(exchange.result, Stream) or (
            exchange.result is None and call is not None and call.is_stream
        )
        self.parts = exchange.result.parts if isinstance(exchange.result, Stream) else ()

    @property
    def call_id(self) -> str:
        return self.trace.call_id

    @property
    def error_class(self) -> str:
        """The upstream's error, or our own reason of a refusal; empty after a success."""
        return "" if self.outcome is ANSWERED else self.last.error_class or self.error_code

    @property
    def cost_usd(self) -> float | None:
        """The cost by the catalog's prices; None without an answer, or if tokens or prices are unknown."""
        return _with_lost(cost_of(self.usage, self.deployment, self.parts), self.trace)

    def settlement(self, cost_usd: float | None) -> Settlement:
        """The charge to the paying account; nothing for a failure, or for requests that the person's own key paid."""
        is_free = self.outcome is FAILED or self.last.own_key
        charged = 0.0 if is_free else cost_usd or 0.0
        return Settlement(self.call_id, round(charged * NANO), self.holder.account_id, reason=self.trace.model_group)

    def row(self) -> LogRow:
        """Its columns; with the current names, so that the row outlives what it refers to."""
        trace, holder, last, choice, usage = self.trace, self.holder, self.last, self.choice, self.usage
        row = LogRow()
        row.call_id = trace.call_id
        row.model_group = trace.model_group
        row.endpoint = self.endpoint
        row.owner = holder.name
        row.key_id = holder.key_id or ""
        row.key_name = holder.key_name
        row.team_id = holder.team_id
        row.team = holder.team
        row.provider_id = last.provider_id
        row.provider = last.provider
        row.deployment_id = last.deployment_id
        row.deployment_name = last.deployment_name
        row.model = last.model
        row.is_own_key = last.own_key
        row.started_at = self.started_at
        row.duration_ms = self.duration_ms
        row.first_token_ms = last.first_token_ms
        row.status = self.status
        row.outcome = self.outcome.value
        row.error_class = self.error_class
        row.is_stream = self.is_stream
        row.input_tokens = usage.input_tokens if usage else None
        row.output_tokens = usage.output_tokens if usage else None
        if usage and trace.is_hedged:
            lost = trace.lost_tokens
            row.input_tokens, row.output_tokens = usage.input_tokens + lost[0], usage.output_tokens + lost[1]
        row.cached_tokens = usage.cached_tokens if usage else None
        row.cache_write_tokens = usage.cache_write_tokens if usage else None
        row.reasoning_tokens = usage.reasoning_tokens if usage else None
        row.is_estimated = usage.is_estimated if usage else False
        row.cost_usd = self.cost_usd
        row.virtual_model = choice.virtual_model if choice else ""
        row.virtual_tier = choice.tier if choice else ""
        row.score = choice.score if choice else None
        row.revision = self.revision
        row.attempts = [attempt_of(attempt) for attempt in trace.attempts]
        row.fell_back = trace.has_fallen_back
        row.skipped = [skip.to_json() for skip in trace.skipped]
        row.units = usage.units if usage and usage.unit else None
        row.unit = usage.unit if usage else ""
        row.rescued = trace.is_rescued
        row.has_skips = bool(trace.skipped)
        return row

    def wire(self) -> Wire:
        """The data to write; plain tuples are the cheapest to send."""
        row = self.row()
        return values_of(row), settlement_of(self.settlement(row.cost_usd)) if self.is_held else None


def record(exchange: Exchange) -> None:
    """Passes the finished request to the recorder, which also settles it; nothing waits for it."""
    ended = FinishedExchange(exchange)
    if ended.usage and exchange.rate_limits:
        exchange.rate_limits.count_tokens(ended.holder, ended.usage.total_tokens)
    if exchange.span is not None:
        exchange.span.end(exchange, ended.cost_usd)
    recorder.put(ended)
    sums.count(ended)


def foresee(exchange: Exchange) -> None:
    """Keeps the record of a stream before its last event, in case this process is killed right after it."""
    if recorder.is_on_disk:
        recorder.foresee(FinishedExchange(exchange))


def cost_usd(result: Answer | Stream, trace: Trace) -> float | None:
    """The cost of an answer by the catalog's prices, with that of a slower attempt beside it; None if tokens or prices
    are unknown."""
    return _with_lost(cost_of(result.usage, result.deployment), trace)


def _with_lost(own: float | None, trace: Trace) -> float | None:
    if own is None or not trace.is_hedged:
        return own
    lost = [one.part[2] for one in trace.lost if one.part is not None]
    return None if None in lost else own + sum(cost for cost in lost if cost is not None)


NOBODY = Attempt(
    deployment_id="", deployment_name="", provider="", model_group="", tier=0, started_at=0.0, status="cancelled"
)
