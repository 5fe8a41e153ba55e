"""A page without a screen: it watches a run through the application itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from access.actions import issue_key
from access.keys import COMMAND_LINE
from access.models import User
from routing_console.asgi import sockets
from tester.models import Run

ORIGIN = (b"origin", b"http://testserver")
PATIENCE_S = 60  # only a frame that never comes takes so long
HOST = (b"host", b"testserver")
Header = tuple[bytes, bytes]

in_thread = sync_to_async


def bearer_of(user: User) -> list[Header]:
    _, key = issue_key(by=COMMAND_LINE, owner=user, name="socket")
    return [(b"authorization", f"Bearer {key}".encode())]


def session_of(user: User) -> list[Header]:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return [HOST, (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())]


class Page(WebsocketCommunicator):
    """A page that watches; `state` is what it shows, `says` what it was told besides."""

    def __init__(self, run_id: object, headers: list[Header], **query: object) -> None:
        super().__init__(sockets, f"/ws/runs/{run_id}/?{urlencode(query)}", headers=headers)
        self.state: dict[str, dict[str, str]] = {}
        self.says: dict[str, Any] = {}
        self.seen = 0

    async def frame(self, *, acknowledge: bool = True) -> dict[str, Any]:
        """Takes the next frame in."""
        frame: dict[str, Any] = await self.receive_json_from(timeout=PATIENCE_S)
        for name, attributes in frame["p"].items():
            self.state.setdefault(name, {}).update(attributes)
        self.says.update(frame.get("s", {}))
        self.seen = frame["n"]
        if acknowledge:
            await self.send_json_to({"ack": self.seen})
        return frame

    async def until(self, **said: Any) -> None:
        """Takes frames in until it was told this."""
        while not said.items() <= self.says.items():
            await self.frame()

    async def closing(self) -> tuple[int, str]:
        """Code and reason of the end."""
        while (message := await self.receive_output(PATIENCE_S))["type"] != "websocket.close":
            pass
        return message["code"], message["reason"]

    @property
    def requests(self) -> str:
        """The number of requests that it shows."""
        return self.state["rq"]["#text"]


@asynccontextmanager
async def page(run: Run, headers: list[Header], **query: object) -> AsyncIterator[Page]:
    opened = Page(run.pk, headers, **query)
    assert (await opened.connect(5))[0]
    try:
        yield opened
    finally:
        await opened.disconnect()


async def closing_of(run_id: object, headers: list[Header], **query: object) -> tuple[int, str]:
    seen = Page(run_id, headers, **query)
    assert (await seen.connect(5))[0]
    closing = await seen.closing()
    await seen.disconnect()
    return closing
