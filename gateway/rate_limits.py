"""Requests and tokens a minute of API keys, in windows of a minute that begin with their first request.

With REDIS_URL all processes count together; without it each counts for itself. Tokens are counted when they are known:
requests in flight may go over, the next is refused.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from access.keys import KeyHolder
from gateway.openai import ApiError, Headers

log = structlog.get_logger(__name__)

REDIS_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one key: `what` is counted, and at most how many of it a minute."""

    what: str
    item: RateLimitItem

    @property
    def header(self) -> bytes:
        return self.what.encode()


class RateLimits:
    """The limits of all keys, as one event loop counts them."""

    def __init__(self, redis_url: str = "") -> None:
        self._limiter = FixedWindowRateLimiter(_storage(redis_url))
        self._counting: set[asyncio.Task[None]] = set()

    async def admit(self, holder: KeyHolder) -> Headers:
        """Counts a request; the headers say what is left. Raises ApiError 429, with Retry-After, at a limit."""
        headers: Headers = []
        for limit in _limits_of(holder):
            try:
                headers += await self._admit(limit, holder)
            except ApiError:
                raise
            except Exception as error:  # whoever counts is away: serving is worth more than counting
                log.warning("rate limits not kept for the moment", error=str(error))
        return headers

    def count_tokens(self, holder: KeyHolder, tokens: int) -> None:
        """Counts what a request used, without waiting for it."""
        if holder.key_id is not None and holder.tpm is not None and tokens:
            task = asyncio.create_task(self._count(_tokens(holder.tpm), holder.key_id, tokens))
            self._counting.add(task)
            task.add_done_callback(self._counting.discard)

    async def _admit(self, limit: Limit, holder: KeyHolder) -> Headers:
        key = holder.key_id or ""
        if limit.what == "requests":
            is_fine = await self._limiter.hit(limit.item, key)
        else:
            is_fine = await self._limiter.test(limit.item, key)
        window = await self._limiter.get_window_stats(limit.item, key)
        wait_s = max(1, math.ceil(window.reset_time - time.time()))
        if not is_fine:
            raise _refused(limit, wait_s)
        named = {b"limit": limit.item.amount, b"remaining": window.remaining}
        return [(b"x-ratelimit-%s-%s" % (name, limit.header), str(value).encode()) for name, value in named.items()]

    async def _count(self, limit: Limit, key_id: str, tokens: int) -> None:
        try:
            await self._limiter.hit(limit.item, key_id, cost=tokens)
        except Exception as error:
            log.warning("tokens not counted", error=str(error))


def _storage(redis_url: str) -> Storage:
    if not redis_url:
        return MemoryStorage()
    return RedisStorage(
        f"async+{redis_url}",
        implementation="redispy",
        key_prefix="routing-console",
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
    )


def _limits_of(holder: KeyHolder) -> list[Limit]:
    if holder.key_id is None:
        return []
    tokens = [] if holder.tpm is None else [_tokens(holder.tpm)]
    return (
        tokens
        if holder.rpm is None
        else [*tokens, Limit("requests", RateLimitItemPerMinute(holder.rpm, 1, "requests"))]
    )


def _tokens(per_minute: int) -> Limit:
    return Limit("tokens", RateLimitItemPerMinute(per_minute, 1, "tokens"))


def _refused(limit: Limit, wait_s: int) -> ApiError:
    why = f"This key may use {limit.item.amount:,} {limit.what} a minute. Try again in {wait_s} s."
    return ApiError(429, why, code="rate_limit_exceeded", headers=[(b"retry-after", str(wait_s).encode())])
