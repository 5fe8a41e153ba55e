"""One POST over a session's own connections, without what aiohttp's client does around it for any kind of request.

The pool, TLS, DNS, the socket's address check and the parser of answers are aiohttp's. What is left out is rebuilt per
request there, and takes more time than all of these: the request and response objects, redirects, cookies, proxies,
traces, retries, and on Python 3.11 a task to write the body.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDictProxy
from yarl import URL

# What no header may have in it; a tab may be.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
SCHEMES = frozenset({"http", "https"})
SWITCHING_PROTOCOLS = 101
# Of announcements before an answer.
MOST_ANNOUNCED = 32
MOST_ADDRESSES = 1024


class Response:
    """An answer whose head has come; `content` is its body. Its connection goes back to the pool at the body's end."""

    __slots__ = ("_connection", "content", "headers", "raw_headers", "status")

    def __init__(
        self,
        connection: Connection,
        status: int,
        headers: CIMultiDictProxy[str],
        raw_headers: tuple[tuple[bytes, bytes], ...],
        content: aiohttp.StreamReader,
    ) -> None:
        self._connection = connection
        self.status, self.headers, self.raw_headers, self.content = status, headers, raw_headers, content
        content.on_eof(connection.release)

    def release(self) -> None:
        """Gives the connection back; closes it where the body has not ended."""
        self._connection.release()

    def close(self) -> None:
        """Closes the connection, unless it has gone back."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Address:
    """Where to post; `line` is the first of a request, `usual` are the headers of any by their names in lower case.

    `asked` is aiohttp's own request without a body: what its pool wants to know of one.
    """

    asked: aiohttp.ClientRequest
    line: str
    usual: tuple[tuple[str, str], ...]


async def post(session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
    """Sends a body and waits for the head of its answer. Redirects are not followed, and nothing is sent twice.

    Raises aiohttp.ClientError, TimeoutError where there is no connection in time, ValueError for a header with a
    control character.
    """
    address = _address(url)
    head = _head(address, headers, len(body))
    connection = await _connected(session, address.asked)
    try:
        return await _answered(connection, address.asked, head + body)
    except BaseException:
        connection.close()
        raise


async def post_pieces(
    session: aiohttp.ClientSession, url: str, pieces: AsyncGenerator[bytes], headers: Mapping[str, str]
) -> Response:
    """The same for a body that comes in pieces, by aiohttp's client: it hears an answer that comes before their end."""
    answer = await session.post(url, data=pieces, headers=headers, allow_redirects=False)
    return cast(Response, answer)  # it has all that a Response has


@lru_cache(maxsize=MOST_ADDRESSES)
def _address(url: str) -> Address:
    try:
        parsed = URL(url)
    except ValueError as error:
        raise aiohttp.InvalidUrlClientError(url) from error
    if parsed.scheme not in SCHEMES:
        raise aiohttp.NonHttpUrlClientError(url)
    # The loop is only asked whether it debugs.
    asked = aiohttp.ClientRequest("POST", parsed, loop=asyncio.get_running_loop())
    usual = ((name.lower(), f"{name}: {value}\r\n") for name, value in asked.headers.items())
    line = f"POST {asked.url.raw_path_qs} HTTP/1.1\r\n"
    return Address(asked, line, tuple((name, text) for name, text in usual if name != "content-length"))


def _head(address: Address, headers: Mapping[str, str], size: int) -> bytes:
    given = "".join([*headers, *headers.values()])
    if not given.isprintable() and CONTROL.search(given):
        raise ValueError("A header has a control character.")
    names = {name.lower() for name in headers}
    usual = [text for name, text in address.usual if name not in names]
    own = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return "".join([address.line, *usual, *own, f"Content-Length: {size}\r\n\r\n"]).encode()


async def _connected(session: aiohttp.ClientSession, asked: aiohttp.ClientRequest) -> Connection:
    if session.connector is None:
        raise aiohttp.ClientConnectionError("Session is closed")
    try:
        return await session.connector.connect(asked, [], session.timeout)
    except TimeoutError as error:
        raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {asked.url}") from error


async def _answered(connection: Connection, asked: aiohttp.ClientRequest, sent: bytes) -> Response:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing():
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")
    protocol.set_response_params(read_until_eof=True)
    transport.write(sent)
    for _ in range(MOST_ANNOUNCED):
        try:
            message, content = await protocol.read()
        except HttpProcessingError as error:
            info, headers = asked.request_info, error.headers
            raise aiohttp.ClientResponseError(
                info, (), status=error.code, message=error.message, headers=headers
            ) from error
        if message.code < 100:
            break
        # Others of 1xx only announce an answer.
        if message.code > 199 or message.code == SWITCHING_PROTOCOLS:
            return Response(connection, message.code, message.headers, message.raw_headers, content)
    raise aiohttp.ClientResponseError(asked.request_info, (), status=400, message="no answer")
