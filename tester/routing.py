"""The sockets of this room."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path, re_path

from tester.consumers import RunConsumer


async def nothing_here(scope: Any, receive: Any, send: Any) -> None:
    """Any other address: the handshake is refused."""
    await receive()
    await send({"type": "websocket.close", "code": 1000})


websocket_urlpatterns: list[Any] = [
    path("ws/runs/<str:run_id>/", RunConsumer.as_asgi()),
    re_path(r"", cast(Any, nothing_here)),
]
