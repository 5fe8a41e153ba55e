"""Rate limits: requests and tokens per minute of keys, people and teams, in windows of a minute that begin with the
first request.

With REDIS_URL all processes count together; without it, and by setting while it is away, each counts by itself. Tokens
are counted when they are known: requests in flight may exceed the limit, and the next one is refused. What is asked of
the counters, and what follows, is decided in `engine/admission`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from access.keys import KeyHolder, limits_of
from engine.allowance.minute_limits import (
    REQUESTS,
    TOKENS,
    Limit,
    LimitQuestion,
    LimitReached,
    MinuteWindow,
    Remaining,
    admission,
)
from gateway import openai
from gateway.openai import ApiError, Headers

log = structlog.get_logger(__name__)

REDIS_TIMEOUT_S = 1.0
# How often a process looks whether Redis is back; no request waits for that.
LOOKS_EVERY_S = 0.5
OPEN, CLOSED = "open", "closed"


class PerMinute(RateLimitItemPerMinute):
    """A limit per minute. Its counter survives a change of the limit."""

    def key_for(self, *identifiers: bytes | str | int | float) -> str:
        return "/".join((self.namespace, *map(str, identifiers), "minute"))


def _item(limit: Limit) -> PerMinute:
    return PerMinute(limit.amount, 1, limit.what)


class RateLimits:
    """All limits, as one event loop counts them. While Redis is away, what then holds is said by `when_away`."""

    def __init__(self, redis_url: str = "", *, when_away: str = OPEN) -> None:
        self._pool = _pool(redis_url) if redis_url else None
        self._storage, self._refuses = _storage(redis_url, self._pool), when_away == CLOSED
        self._shared, self._own = FixedWindowRateLimiter(self._storage), FixedWindowRateLimiter(MemoryStorage())
        self._counting: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    async def admit(self, holder: KeyHolder) -> Headers:
        """Counts a request; the headers give the rest of the tightest limits.

        Raises ApiError 429 with Retry-After if any limit is reached, and a refused request counts for none; 503 while
        Redis is away, if that is how it is set.
        """
        if not (limits := limits_of(holder)):
            return []
        if self._looking is None:
            try:
                return await _admitted(self._shared, limits)
            except ApiError:
                raise
            except Exception as error:  # any error of the client means that Redis is away
                self._lost(error)
        if self._refuses:
            why = "Rate limits can't be counted for the moment, and this key has some. Try again in a few seconds."
            raise ApiError(503, why, code="rate_limits_away", headers=[(b"retry-after", b"2")])
        return await _admitted(self._own, limits)

    def count_tokens(self, holder: KeyHolder, tokens: int) -> None:
        """Counts the tokens of a request in the background."""
        for limit in limits_of(holder) if tokens else ():
            if limit.what == TOKENS:
                task = asyncio.create_task(self._count(limit, tokens))
                self._counting.add(task)
                task.add_done_callback(self._counting.discard)

    def stop(self) -> None:
        """Looks for Redis no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _count(self, limit: Limit, tokens: int) -> None:
        if self._looking is None:
            try:
                await self._shared.hit(_item(limit), limit.window, cost=tokens)
            except Exception as error:
                self._lost(error)
            else:
                return
        await self._own.hit(_item(limit), limit.window, cost=tokens)

    def _lost(self, error: Exception) -> None:
        """From now on no request asks Redis, until a look finds it."""
        if self._looking is None:
            held = "keys with limits are refused" if self._refuses else "this process counts by itself"
            log.warning(f"rate limits are not shared: {held}", error=str(error) or type(error).__name__)
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        is_back = False
        while not is_back:
            await asyncio.sleep(LOOKS_EVERY_S)
            with suppress(Exception):
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    if self._pool is not None:
                        # Each of the connections that died would fail one request more.
                        await self._pool.disconnect(inuse_connections=False)
                    is_back = await self._storage.check()
        self._looking = None
        log.info("rate limits are shared again")


async def _admitted(limiter: FixedWindowRateLimiter, limits: list[Limit]) -> Headers:
    """Asks the counters what `engine/admission` wants to know."""
    asking, answer = admission(limits), None
    try:
        while True:
            answer = await _answer(limiter, asking.send(answer))
    except StopIteration as end:
        left: list[Remaining] = end.value
        return [header for what in (TOKENS, REQUESTS) for header in _tightest(left, what)]
    except LimitReached as reached:
        raise openai.from_failure(reached) from None


async def _answer(limiter: FixedWindowRateLimiter, question: LimitQuestion) -> Any:
    item, window = _item(question.limit), question.limit.window
    if question.kind == "look":
        stats = await limiter.get_window_stats(item, window)
        return MinuteWindow(stats.remaining, stats.reset_time - time.time())
    return await (limiter.hit if question.kind == "hit" else limiter.test)(item, window)


def _pool(redis_url: str) -> Any:
    from redis.asyncio import ConnectionPool  # only where there is one
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return ConnectionPool.from_url(
        redis_url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        # The client's own: ten times would be what a request waits for a store that is away.
        retry=Retry(NoBackoff(), 0),
    )


def _storage(redis_url: str, pool: Any) -> Storage:
    if pool is None:
        return MemoryStorage()
    return RedisStorage(
        f"async+{redis_url}", implementation="redispy", key_prefix="routing-console", connection_pool=pool
    )


def _tightest(left: list[Remaining], what: str) -> Headers:
    of_it = [one for one in left if one.limit.what == what]
    return _headers(min(of_it, key=lambda one: (one.remaining, one.limit.amount))) if of_it else []


def _headers(one: Remaining) -> Headers:
    named = {b"limit": one.limit.amount, b"remaining": one.remaining}
    what = one.limit.what.encode()
    return [(b"x-ratelimit-%s-%s" % (name, what), str(value).encode()) for name, value in named.items()]
