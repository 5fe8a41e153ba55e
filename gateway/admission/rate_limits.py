"""Rate limits: requests and tokens per minute of keys, people and teams, in windows of a minute that begin with the
first request.

With REDIS_URL all processes count together; without it, and by setting while it is away, each counts by itself. Tokens
are counted when they are known: requests in flight may exceed the limit, and the next one is refused.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from access.keys import KeyHolder
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


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `item.amount` of `what` (requests, tokens) a minute, counted in `window`; `who` is the holder of the
    limit."""

    what: str
    item: PerMinute
    window: str
    who: str


@dataclass(frozen=True, slots=True)
class Remaining:
    """The rest of a limit."""

    remaining: int
    amount: int
    what: str

    @property
    def headers(self) -> Headers:
        named = {b"limit": self.amount, b"remaining": self.remaining}
        return [(b"x-ratelimit-%s-%s" % (n, self.what.encode()), str(value).encode()) for n, value in named.items()]


class RateLimits:
    """All limits, as one event loop counts them. While Redis is away, what then holds is said by `when_away`."""

    def __init__(self, redis_url: str = "", *, when_away: str = OPEN) -> None:
        self._storage, self._refuses = _storage(redis_url), when_away == CLOSED
        self._shared, self._own = FixedWindowRateLimiter(self._storage), FixedWindowRateLimiter(MemoryStorage())
        self._counting: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    async def admit(self, holder: KeyHolder) -> Headers:
        """Counts a request; the headers give the rest of the tightest limits.

        Raises ApiError 429 with Retry-After if any limit is reached, and a refused request counts for none; 503 while
        Redis is away, if that is how it is set.
        """
        if not (limits := _limits_of(holder)):
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
        for limit in _limits_of(holder) if tokens else ():
            if limit.what == "tokens":
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
                await self._shared.hit(limit.item, limit.window, cost=tokens)
            except Exception as error:
                self._lost(error)
            else:
                return
        await self._own.hit(limit.item, limit.window, cost=tokens)

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
                    is_back = await self._storage.check()
        self._looking = None
        log.info("rate limits are shared again")


async def _admitted(limiter: FixedWindowRateLimiter, limits: list[Limit]) -> Headers:
    left = list[Remaining]()
    if len(limits) > 1:
        for limit in limits:
            await _ask(limiter, limit, limiter.test)
    for limit in limits:
        await _ask(limiter, limit, limiter.hit if limit.what == "requests" else limiter.test)
        window = await limiter.get_window_stats(limit.item, limit.window)
        left.append(Remaining(window.remaining, limit.item.amount, limit.what))
    return [header for what in ("tokens", "requests") for header in _tightest(left, what)]


async def _ask(limiter: FixedWindowRateLimiter, limit: Limit, ask: Callable[..., Awaitable[bool]]) -> None:
    if not await ask(limit.item, limit.window):
        window = await limiter.get_window_stats(limit.item, limit.window)
        raise _refused(limit, max(1, math.ceil(window.reset_time - time.time())))


def _storage(redis_url: str) -> Storage:
    if not redis_url:
        return MemoryStorage()
    from redis.asyncio.retry import Retry  # only where there is one
    from redis.backoff import NoBackoff

    return RedisStorage(
        f"async+{redis_url}",
        implementation="redispy",
        key_prefix="routing-console",
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        # The client's own: ten times would be what a request waits for a store that is away.
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]
    )


def _limits_of(holder: KeyHolder) -> list[Limit]:
    """Token limits first: a request that they refuse is not counted."""
    if holder.key_id is None:
        return []
    limits = list(_every_limit(holder))
    return sorted(limits, key=lambda limit: limit.what == "requests") if len(limits) > 1 else limits


def _every_limit(holder: KeyHolder) -> Iterator[Limit]:
    key = holder.window_id or holder.key_id or ""
    yield from _pair(holder.rpm, holder.tpm, key, "This key")
    owner, team = f"All keys of {holder.name} together", f"All keys of the team {holder.team} together"
    yield from _pair(holder.owner_rpm, holder.owner_tpm, f"person:{holder.user_id}", owner)
    yield from _pair(holder.team_rpm, holder.team_tpm, f"team:{holder.team_id}", team)


def _pair(rpm: int | None, tpm: int | None, window: str, who: str) -> Iterator[Limit]:
    if tpm is not None:
        yield Limit("tokens", PerMinute(tpm, 1, "tokens"), window, who)
    if rpm is not None:
        yield Limit("requests", PerMinute(rpm, 1, "requests"), window, who)


def _tightest(left: list[Remaining], what: str) -> Headers:
    of_it = [one for one in left if one.what == what]
    return min(of_it, key=lambda one: (one.remaining, one.amount)).headers if of_it else []


def _refused(limit: Limit, wait_s: int) -> ApiError:
    why = f"{limit.who} may use {limit.item.amount:,} {limit.what} a minute. Try again in {wait_s} s."
    return ApiError(429, why, code="rate_limit_exceeded", headers=[(b"retry-after", str(wait_s).encode())])
