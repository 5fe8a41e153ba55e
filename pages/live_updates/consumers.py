"""`/ws/changes/`: tells a page when to reload a part, as `{"changed": NAME}` or `{"alert": "why"}`.

A name is `providers`, `cooldowns`, `requests`, `runs` or `alerts`; each at most once a second.

A page asks `{"ping":true}`, exactly so, whether it is still told of changes: `{"pong":true}` says yes. While the
database can't be looked at nothing is answered. Other messages are ignored. Rights are checked again every half minute;
the socket closes with 4401 (not signed in), 4403 (not allowed) or 1011 (our error).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from autobahn.exception import Disconnected
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from pages.live_updates.polling import follower
from tester.consumers import PING, PONG
from tester.live.socket_rights import BROKEN, Closing, admit, admit_again

log = structlog.get_logger(__name__)

ADMIT_AGAIN_EVERY_S = 30.0
TO = "see providers and models"
OURS = Closing(BROKEN, "Something went wrong here; the server's log has the details.")


class ChangesConsumer(AsyncJsonWebsocketConsumer):
    """The socket of one page."""

    # Changes come from the database: with a channel layer each viewer would need a Redis connection.
    channel_layer_alias = "none"
    _telling: asyncio.Task[None] | None = None

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """As in Channels, but without a hop to the database thread for each message."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        # Accepted first, because a browser learns nothing about a refused handshake, not even its code.
        await self.accept()
        try:
            await admit(self.scope, to=TO)
        except Closing as closing:
            await self.close(closing.code, closing.reason)
        except Exception:
            log.exception("changes could not be followed")
            await self.close(OURS.code, OURS.reason)
        else:
            self._telling = asyncio.create_task(self._tell())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answers the question whether the page is still told of changes."""
        if text_data == PING and self._telling is not None and not self._telling.done() and follower.is_looking:
            await self.send(PONG)

    async def disconnect(self, code: int) -> None:
        if self._telling is not None:
            self._telling.cancel()

    async def _tell(self) -> None:
        """Sends news until the page leaves, or its reader loses the right."""
        loop = asyncio.get_running_loop()
        ask_at = loop.time() + ADMIT_AGAIN_EVERY_S
        async with follower.watch() as mailbox:
            while True:
                try:
                    async with asyncio.timeout_at(ask_at):
                        news = await mailbox.get()
                except TimeoutError:
                    ask_at = loop.time() + ADMIT_AGAIN_EVERY_S
                    if not await self._may_stay():
                        return
                    continue
                try:
                    await self.send_json(news)
                except (OSError, Disconnected):
                    return  # the page was closed during a send; daphne raises the second error

    async def _may_stay(self) -> bool:
        try:
            await admit_again(self.scope, to=TO)
        except Closing as closing:
            await self.close(closing.code, closing.reason)
            return False
        except Exception as error:  # for example, the database is away: the next round tries again
            log.warning("the rights of a page could not be checked", error=str(error))
        return True
