"""The end of one attempt, for the counts and breakers of its deployment."""

from __future__ import annotations

from engine.core.actions import Ask
from engine.core.failures import Failure, Strikes
from engine.core.state import Health


def leave(ask: Ask) -> Health:
    """It is in flight no more: its place is free."""
    health = ask.target.health
    health.in_flight -= 1
    if ask.release is not None:
        ask.release()
    if health.queue:
        health.freed()
    return health


def strike(ask: Ask, now: float, failure: Failure, request_id: str) -> None:
    """It has failed: counted against its deployment, its provider's key, or nobody."""
    health, strikes = leave(ask), failure.rule.strikes
    breaker, key_breaker = health.breaker, health.provider.breaker
    if strikes is Strikes.DEPLOYMENT:
        breaker.failed(now, failure, ask.ticket, request_id, ask.number)
    else:
        breaker.left(ask.ticket)
    if strikes is Strikes.KEY:
        key_breaker.failed(now, failure, ask.key_ticket, request_id)
    else:
        key_breaker.left(ask.key_ticket)
