"""Finished requests as JSON, one row each."""

from __future__ import annotations

from typing import Any

from engine.ledger import Attempt, Skip, Trace
from engine.upstreams.call import Usage


def trace_json(
    index: int,
    trace: Trace,
    began_ms: float,
    duration_ms: float,
    usage: Usage | None,
    error: str | None,
    cost: float,
    zero_s: float = 0.0,
) -> dict[str, Any]:
    """One finished request; `index` counts arrivals, times are milliseconds on the run's clock, which began at `zero_s`
    of Unix time.
    """
    last = trace.last
    return {
        "index": index,
        "at_ms": thousandths(began_ms),
        "duration_ms": thousandths(duration_ms),
        "status": "error" if error else "success",
        "error_class": error,
        "deployment_id": last.deployment_id if last and not error else None,
        "fallback_depth": max([a.fallback_depth for a in trace.course], default=0),
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        **({"cached_tokens": usage.cached_tokens} if usage and usage.cached_tokens else {}),
        **({} if trace.repeat_of is None else {"repeat_of": trace.repeat_of}),
        "cost_usd": round(cost, 9) if cost else 0.0,
        "attempts": _attempts_json(trace, began_ms),
        "skipped": [_skip_json(skip, zero_s) for skip in trace.skipped],
    }


def thousandths(value: float) -> float:
    """`round(value, 3)` in half the time; rounded the other way where a value lies between two by the last bit."""
    return round(value * 1000) / 1000


def _skip_json(skip: Skip, zero_s: float) -> dict[str, Any]:
    values = skip.to_json()
    since_s = values.pop("since", None)
    return values if since_s is None else values | {"since_ms": round((since_s - zero_s) * 1000, 3)}


def _attempts_json(trace: Trace, began_ms: float) -> list[dict[str, Any]]:
    if not trace.attempts:
        return []
    zero_s = trace.attempts[0].started_at
    return [
        {
            "deployment_id": a.deployment_id,
            "deployment_name": a.deployment_name,
            "provider": a.provider,
            "model_group": a.model_group,
            "tier": a.tier,
            "fallback_depth": a.fallback_depth,
            # Selection takes no time on the run's clock, so the first attempt begins with its request.
            "at_ms": thousandths(began_ms + (a.started_at - zero_s) * 1000),
            "duration_ms": thousandths(a.duration_ms or 0.0),
            "first_token_ms": None if a.first_token_ms is None else thousandths(a.first_token_ms),
            "status": a.status,
            "status_code": a.status_code,
            "error_class": a.error_class,
            "error_message": a.error_message,
            "moved_on_because": a.moved_on_because,
            **_seldom(a),
        }
        for a in trace.attempts
    ]


def _seldom(attempt: Attempt) -> dict[str, Any]:
    """What few attempts have, by the names of the request log."""
    told = {
        "sticky": attempt.sticky,
        "rescue": attempt.rescue,
        "hedge": attempt.hedge,
        "part": attempt.part,
    }
    return {name: value for name, value in told.items() if value}
