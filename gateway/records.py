"""A finished exchange -> its row in the request log, what it cost, and what its key has used."""

from __future__ import annotations

from datetime import UTC, datetime

from access.credits import Settlement
from access.models import NANO
from engine.ledger import Attempt
from engine.upstreams.call import Answer, Stream
from gateway.exchange import Exchange
from usage.finished import FinishedRequest, attempts_of
from usage.recorder import recorder


def record(exchange: Exchange) -> None:
    """Hands the finished request to the recorder, which settles it too; nothing waits for it."""
    usage = exchange.result.usage if exchange.result else None
    if usage and exchange.rate_limits:
        exchange.rate_limits.count_tokens(exchange.holder, usage.total_tokens)
    recorder.put(row_of(exchange), settlement=settlement_of(exchange))


def cost_usd(result: Answer | Stream) -> float | None:
    """What an answer costs by the catalog's prices; None when tokens or prices are unknown."""
    return None if result.usage is None else result.usage.cost_usd(result.deployment)


def settlement_of(exchange: Exchange) -> Settlement | None:
    """What the account that pays is charged; nothing for a failure, nor for what the person's own key has paid."""
    if not exchange.is_held:
        return None
    last, cost = exchange.trace.last, cost_usd(exchange.result) if exchange.result else None
    is_free = cost is None or exchange.status >= 500 or (last is not None and last.own_key)
    charged = 0.0 if is_free else cost or 0.0
    call_id, account_id = exchange.trace.call_id, exchange.holder.account_id
    return Settlement(call_id, round(charged * NANO), account_id, reason=exchange.trace.model_group)


def row_of(exchange: Exchange) -> FinishedRequest:
    """The row of the request log: names as they are now, so that it outlives what it speaks of."""
    holder, trace, choice = exchange.holder, exchange.trace, exchange.choice
    last = trace.last or NOBODY
    usage = exchange.result.usage if exchange.result else None
    return FinishedRequest(
        call_id=trace.call_id,
        model_group=trace.model_group,
        endpoint=exchange.endpoint,
        owner=holder.name,
        key_id=holder.key_id or "",
        key_name=holder.key_name,
        team_id=holder.team_id,
        team=holder.team,
        provider_id=last.provider_id,
        provider=last.provider,
        deployment_id=last.deployment_id,
        deployment_name=last.deployment_name,
        model=last.model,
        is_own_key=last.own_key,
        started_at=datetime.fromtimestamp(exchange.started_at, UTC),
        duration_ms=exchange.duration_ms,
        first_token_ms=last.first_token_ms,
        status=exchange.status,
        error_class=_error_class(exchange, last),
        is_stream=isinstance(exchange.result, Stream),
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
        cache_write_tokens=usage.cache_write_tokens if usage else None,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        is_estimated=usage.is_estimated if usage else False,
        cost_usd=cost_usd(exchange.result) if exchange.result else None,
        virtual_model=choice.virtual_model if choice else "",
        virtual_tier=choice.tier if choice else "",
        score=choice.score if choice else None,
        attempts=attempts_of(trace),
    )


def _error_class(exchange: Exchange, last: Attempt) -> str:
    """The upstream's error, or our own reason to refuse; nothing after a success."""
    return "" if exchange.status == 200 else last.error_class or exchange.error_code


NOBODY = Attempt(
    deployment_id="", deployment_name="", provider="", model_group="", tier=0, started_at=0.0, status="cancelled"
)
