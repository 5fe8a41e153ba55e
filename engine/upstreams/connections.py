"""Every connection to an upstream is made here, to an address that the process's policy allows.

The address is checked when the socket is made: after DNS, every time, for every caller.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from engine import addresses

CONNECT_TIMEOUT_S = 10.0
# A load balancer drops an idle connection after some minutes; an answer may take longer.
KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 5))

# So many connections with something on them that nobody asked for, and the request gets none.
MOST_STALE = 8

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


def checked_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for one entry of `getaddrinfo`; raises ForbiddenAddress instead of calling a forbidden one."""
    family, kind, protocol, _, target = address
    addresses.adopted().check(target[0])
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE:
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


class Connector(aiohttp.TCPConnector):
    """Gives out no connection on which something has come since its last answer.

    aiohttp would take it for the answer to the next request, which may be another caller's.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own
    ) -> aiohttp.connector.Connection:
        """A connection, from the pool or new; raises aiohttp.ClientError."""
        for _ in range(MOST_STALE):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ServerDisconnectedError("it answers what nobody asked")


def new_session(
    *, connect_timeout_s: float = CONNECT_TIMEOUT_S, resolver: aiohttp.abc.AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """A connection pool of its own, without cookies or proxies; the caller closes it."""
    return aiohttp.ClientSession(
        connector=Connector(
            limit=0, keepalive_timeout=30, ttl_dns_cache=10, socket_factory=checked_socket, resolver=resolver
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )


def session() -> aiohttp.ClientSession:
    """The connection pool of the running event loop."""
    loop = asyncio.get_running_loop()
    if (pool := _sessions.get(loop)) is None or pool.closed:
        pool = _sessions[loop] = new_session()
    return pool


async def close_session() -> None:
    """Closes the connections of the running event loop before it ends: our pool, and LiteLLM's clients."""
    if pool := _sessions.pop(asyncio.get_running_loop(), None):
        await pool.close()
    # Not imported for this: LiteLLM takes seconds; and while it is being imported, it has no clients of this loop.
    bound = sys.modules.get("engine.upstreams.litellm_connections")
    if (close_clients := getattr(bound, "close_clients", None)) is not None:
        await close_clients()
