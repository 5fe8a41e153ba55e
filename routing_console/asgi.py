"""The ASGI application: the gateway's hot routes first, then the demo's upstream, then Django."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any, cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "routing_console.settings")
django_application: Any = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path  # noqa: E402

from gateway import live  # noqa: E402
from gateway.asgi import App, Gateway, Receive, Scope, Send  # noqa: E402
from gateway.background.shutdown import ending  # noqa: E402
from pages.live_updates.consumers import ChangesConsumer  # noqa: E402
from providers.demo import upstream  # noqa: E402
from routing_console.guard import open_connections  # noqa: E402
from routing_console.guard.database import UnlessAway  # noqa: E402
from routing_console.guard.request_limits import WithinLimits  # noqa: E402
from tester.consumers import websocket_urlpatterns  # noqa: E402
from tester.runs import conduct  # noqa: E402

open_connections.use()
open_connections.use_grace()
changes: Any = path("ws/changes/", cast(Any, ChangesConsumer.as_asgi()))
console: App = WithinLimits(UnlessAway(django_application))
sockets: App = AuthMiddlewareStack(URLRouter([changes, *websocket_urlpatterns]))


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Everything but the gateway."""
    if scope["type"] == "websocket":
        await sockets(scope, receive, send)
    elif settings.DEMO and scope["path"].startswith("/demo/upstream/"):
        await upstream.app(scope, receive, send)
    else:
        await console(scope, receive, send)


gateway: App = Gateway(pages)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The gateway and everything behind it; uvicorn exits right after its last event, so runs are stopped before
    that."""

    async def told() -> Any:
        event = await receive()
        if event["type"] == "lifespan.shutdown":
            await asyncio.to_thread(conduct.stop_all)
        return event

    await gateway(scope, told if scope["type"] == "lifespan" else receive, send)


def _start_with_twisted() -> None:
    """Daphne has no lifespan events: without this the groups would load only at the first request."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None:
        from routing_console import daphne_requests  # only if Twisted runs anyway

        daphne_requests.use()
        reactor.callWhenRunning(lambda: asyncio.ensure_future(live.start()))
        reactor.addSystemEventTrigger("before", "shutdown", _stop_with_twisted)


def _stop_with_twisted() -> Any:
    from twisted.internet.defer import Deferred  # only if Twisted runs anyway

    return Deferred.fromFuture(asyncio.ensure_future(_end()))


async def _end() -> None:
    await ending.finish(live.is_idle, settings.SHUTDOWN_GRACE_S)
    await asyncio.to_thread(conduct.stop_all)
    await live.stop()


_start_with_twisted()
