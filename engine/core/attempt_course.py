"""The begin and the end of one attempt, for the counts and breakers of its deployment."""

from __future__ import annotations

from engine.core.actions import Ask, Step, Visit
from engine.core.failures import Failure, Strikes
from engine.core.state import Health, Target


def sent(visit: Visit, tier: int, target: Target, step: Step, tokens: int, now: float) -> Ask:
    """A request of at least so many tokens goes to a target."""
    health = target.health
    breaker = health.breaker
    if now >= health.ends_s:
        health.roll(now)
    health.in_flight += 1
    health.requests += 1
    health.tokens += tokens
    number = breaker.sent = breaker.sent + 1
    ask = Ask(target, visit, tier, visit.depth + target.rank, step, now, number, 0, 0, health.minute)
    if visit.group.has_breakers:
        key_breaker = health.provider.breaker
        if not breaker.is_quiet:
            ask.ticket = breaker.entered(now)
        if not key_breaker.is_quiet:
            ask.key_ticket = key_breaker.entered(now)
    return ask


def started(ask: Ask, now: float) -> None:
    """A stream's first token came: the breakers hear of it now, because the end may be minutes away."""
    if (known := ask.target.health.beginnings) is not None:
        known.add(now - ask.began_s, is_stream=True)
    _has_begun(ask, now)


def _has_begun(ask: Ask, now: float) -> None:
    ask.has_started = True
    health = ask.target.health
    breaker, key_breaker = health.breaker, health.provider.breaker
    if not breaker.is_quiet:
        breaker.succeeded(now, ask.ticket)
    if not key_breaker.is_quiet:
        key_breaker.succeeded(now, ask.key_ticket)
    ask.ticket = ask.key_ticket = 0


def answered(
    ask: Ask, now: float, first_token_s: float | None, output_tokens: int, total_tokens: int, counted: int = 0
) -> None:
    """The whole answer came, or the end of a stream, whose first token took `first_token_s`.

    So many of its tokens were `counted` when it was sent.
    """
    if not ask.has_started:
        _has_begun(ask, now)
        if (known := ask.target.health.beginnings) is not None:
            known.add(now - ask.began_s, is_stream=False)
    health = leave(ask)
    health.answered(now, first_token_s, now - ask.began_s, output_tokens)
    if total_tokens:
        if now >= health.ends_s:
            health.roll(now)
        health.tokens += total_tokens - (counted if health.minute == ask.minute else 0)


def leave(ask: Ask) -> Health:
    """It is in flight no more: its place is free."""
    health = ask.target.health
    health.in_flight -= 1
    if ask.release is not None:
        ask.release()
    if health.queue:
        health.freed()
    return health


def lost(ask: Ask, now: float, tokens: int) -> None:
    """Another attempt of the request was faster. It says nothing about its deployment, but has read so many tokens."""
    health = leave(ask)
    health.breaker.left(ask.ticket)
    health.provider.breaker.left(ask.key_ticket)
    if now >= health.ends_s:
        health.roll(now)
    health.tokens += tokens


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
