"""State shared through Valkey or Redis.

News go over one channel, at most every NEWS_EVERY_S; no request waits for them. The channel loses what is said while a
process does not listen, so that breakers are keys too, which are read on each connection. While the store is away each
process counts and probes by itself; what it held of others' news fades.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine.core.actions import Ask
from engine.core.said import Said
from engine.core.state import Health, RoutingState
from engine.shared import messages
from engine.shared.bound import SharedBindings
from engine.shared.claims import Claims
from engine.shared.held_places import HeldPlaces
from engine.shared.limits import SCRIPT, Limits
from engine.shared.messages import News
from engine.shared.store import StoreLink
from engine.shared.strikes import Strikes
from engine.shared.view import SharedView

log = structlog.get_logger(__name__)

PREFIX = "routing-console"
NEWS_EVERY_S, ALIVE_EVERY_S = 0.04, 1.0
TIMEOUT_S = 1.0
# A connection that does not bring our own sign of life for so long is dead.
DEAF_S = 4.0
# After a command that failed no request asks the store for so long; and so long until the next connection.
AWAY_S, AGAIN_S = 1.0, 0.2
# How long a breaker is kept after its pause, or while it recovers.
KEPT_MS = 600_000
# Of the keys given, those that exist: [number, value, ms left] each.
READ = """
local found = {}
for n, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  if value then found[#found + 1] = {n - 1, value, redis.call('PTTL', key)} end
end
return found
"""
FAILURES = (RedisError, OSError, TimeoutError)
T = TypeVar("T")


class ValkeyStore:
    """A `StateStore` of one process; it connects when it runs. Only processes of one `installation` share state."""

    def __init__(self, url: str, *, process: str = "", installation: str = "") -> None:
        self.process = process or uuid.uuid4().hex
        self._prefix = ":".join(filter(None, (PREFIX, installation)))
        once = Retry(NoBackoff(), 0)  # a request must not wait for the library's retries
        self._redis = redis.asyncio.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=once
        )
        # Channels, unlike keys, are the same in all databases of a server.
        self._channel = f"{self._prefix}:{self._redis.connection_pool.connection_kwargs.get('db') or 0}:news"
        self._view = SharedView(self.process, RoutingState())
        script = self._redis.register_script(SCRIPT)
        self._limits = Limits(self.process, script, prefix=self._prefix, channel=self._channel)
        self._claims = Claims(self.process, self._redis, prefix=self._prefix)
        self._places = HeldPlaces(self.process, self._redis, prefix=self._prefix)
        self._bindings = SharedBindings(self._redis, prefix=self._prefix)
        self.strikes = Strikes()
        self._read = self._redis.register_script(READ)
        self._epoch: Any = None
        self._met = asyncio.Event()
        self._is_connected, self._is_lost = False, False
        self._away_until_s = self._echo_s = self._alive_s = 0.0

    @property
    def link(self) -> StoreLink:
        """Sharing, or away."""
        return StoreLink.SHARING if self._is_near else StoreLink.AWAY

    @property
    def _is_near(self) -> bool:
        return self._is_connected and asyncio.get_running_loop().time() >= self._away_until_s

    def attach(self, state: RoutingState) -> None:
        """The state of this process."""
        self._view = SharedView(self.process, state)

    # What requests ask

    async def take(self, ask: Ask) -> bool:
        """One request less of the minute; by the core's own count while the store is away."""
        return await self._asked(lambda: self._limits.take(ask.target), otherwise=True)

    async def enter(self, ask: Ask) -> bool:
        """One place of those that all processes have; by the core's own count while the store is away."""
        return await self._asked(lambda: self._places.enter(ask), otherwise=True)

    async def claim(self, ask: Ask) -> bool:
        """Whether this process may probe; it may while the store is away."""
        return await self._asked(lambda: self._claims.claim(ask), otherwise=True)

    async def bound(self, conversation: str) -> str:
        """As all know; as this process remembers while the store is away."""
        remembered = self._bindings.remembered(conversation)
        return await self._asked(lambda: self._bindings.bound(conversation), otherwise=remembered)

    def bind(self, conversation: str, key: str, ttl_s: float) -> None:
        """Told with the next news."""
        self._bindings.bind(conversation, key, ttl_s)

    def used(self, health: Health, tokens: int) -> None:
        """Told with the next news."""
        self._limits.used(health, tokens)

    async def met(self) -> None:
        """Until the first connection has brought what the others know."""
        await self._met.wait()

    async def _asked(self, question: Callable[[], Awaitable[T]], *, otherwise: T) -> T:
        if not self._is_near:
            return otherwise
        try:
            return await question()
        except FAILURES as error:
            self._away_until_s = asyncio.get_running_loop().time() + AWAY_S
            self._note_lost(error)
            return otherwise

    # In the background

    async def run(self) -> None:
        """Connects, again and again, until cancelled."""
        try:
            while True:
                await self._connected()
                await asyncio.sleep(AGAIN_S)
        finally:
            self._is_connected = False
            with suppress(*FAILURES):
                async with asyncio.timeout(TIMEOUT_S):
                    await self._limits.give_all_back()
                    await self._redis.aclose()

    async def _connected(self) -> None:
        """As long as one connection lasts."""
        tasks: list[asyncio.Task[None]] = []
        try:
            # Each of the connections that died with the last one would fail one request more.
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            async with self._redis.pubsub() as channel:
                await channel.subscribe(self._channel)
                self._echo_s = asyncio.get_running_loop().time()
                tasks.append(asyncio.create_task(self._listen(channel)))
                await self._catch_up()
                await self._publish(News(self.process, is_new=True))
                self._is_connected = True
                self._met.set()
                tasks.append(asyncio.create_task(self._tell()))
                for task in (await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))[0]:
                    task.result()
        except FAILURES as error:
            self._note_lost(error)
        finally:
            self._is_connected = False
            await _ended(tasks)

    async def _listen(self, channel: Any) -> None:
        async for message in channel.listen():
            if message["type"] == "message":
                with suppress(ValueError, TypeError, AttributeError):  # not ours, or of another release
                    await self._hear(messages.unpacked(message["data"]))

    async def _hear(self, news: News) -> None:
        now = asyncio.get_running_loop().time()
        if news.process == self.process:
            self._echo_s = now
            return
        if self._view.hear(news, now):
            self._alive_s = 0.0
        self.strikes.heard(news.strikes)
        if news.wants:
            await self._limits.give_back(news.wants)

    async def _tell(self) -> None:
        while True:
            await self._tell_once(asyncio.get_running_loop().time())
            await asyncio.sleep(NEWS_EVERY_S)

    async def _tell_once(self, now: float) -> None:
        if now - self._echo_s > DEAF_S:
            raise ConnectionError("the channel is silent")
        if unknown := self._view.unknown():
            await self._read_breakers(unknown)
        is_due = now - self._alive_s >= ALIVE_EVERY_S
        news = self._view.news(now, is_whole=is_due)
        if strikes := self.strikes.untold():
            news = replace(news or News(self.process), strikes=strikes)
        if news is not None:
            await self._publish(news)
            self._view.delivered()
            self._alive_s = now if is_due else self._alive_s
        await self._claims.tend()
        await self._places.tend()
        await self._limits.tell()
        await self._bindings.tell()
        self._view.forget_silent(now)
        self._note_back()

    async def _publish(self, news: News) -> None:
        """To the others, and breakers to those who come later."""
        if not news.breakers:
            await self._redis.publish(self._channel, messages.packed(news))
            return
        async with self._redis.pipeline(transaction=True) as commands:
            for name, said in news.breakers.items():
                _keep(commands, self._key(name), said)
            commands.publish(self._channel, messages.packed(news))
            await commands.execute()

    async def _catch_up(self) -> None:
        """What was told while this process did not listen; all is told again where the store has lost its data."""
        key = f"{self._prefix}:epoch"
        await self._redis.set(key, uuid.uuid4().hex, nx=True)
        if (epoch := await self._redis.get(key)) != self._epoch:
            self._view.tell_all()
            self._epoch = epoch
        await self._read_breakers(self._view.names())

    async def _read_breakers(self, names: Sequence[str]) -> None:
        rows = await self._read(keys=[self._key(name) for name in names]) if names else []
        found: dict[str, Said] = {}
        for number, value, left_ms in rows:
            with suppress(ValueError):
                found[names[number]] = messages.unpacked_breaker(value, left_ms)
        self._view.caught_up(names, found, asyncio.get_running_loop().time())

    def _key(self, name: str) -> str:
        return f"{self._prefix}:breaker:{name}"

    # What people are told, once

    def _note_lost(self, error: BaseException) -> None:
        if not self._is_lost:
            self._is_lost = True
            log.warning("shared state is away: this process counts by itself", error=type(error).__name__)

    def _note_back(self) -> None:
        if self._is_lost and self._is_near:
            self._is_lost = False
            log.info("shared state is back")


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancels them, and waits until they have ended; not for ever."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=TIMEOUT_S)


def _keep(commands: Any, key: str, said: Said) -> None:
    if said.left_s is None and not said.allowed:
        commands.delete(key)
        return
    kept_ms = KEPT_MS + round(1000 * max(0.0, said.left_s or 0.0))
    commands.set(key, messages.packed_breaker(said, kept_ms), px=kept_ms)
