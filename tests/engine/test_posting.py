"""One POST over a session's pool: what is sent, what comes back, and when a connection is used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest

from engine import addresses
from engine.addresses import AddressPolicy
from engine.upstreams.connections import new_session
from engine.upstreams.posting import Response, post

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Scripted:
    """Answers each request with the next of its bytes; `b""` closes the connection instead."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.answers, self.connections = list(answers), 0
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head.decode())
                size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(size))
                if not (answer := self.answers.pop(0)):
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[Scripted, aiohttp.ClientSession, str]]:
    script = Scripted(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with new_session() as session:
            yield script, session, f"http://127.0.0.1:{port}/v1/chat?x=1"
    finally:
        server.close()


async def whole(response: Response) -> bytes:
    return await response.content.read()


async def test_the_body_its_length_and_the_given_headers_are_sent_once_each():
    async with answering(OK) as (script, session, url):
        response = await post(session, url, b"{}", {"Content-Type": "application/json", "accept-encoding": "identity"})
        assert (response.status, await whole(response)) == (200, b"ok")
    head = script.heads[0].lower()
    assert head.startswith("post /v1/chat?x=1 http/1.1\r\n")
    for line in ("content-type: application/json", "accept-encoding: identity", "content-length: 2", "accept: */*"):
        assert head.count(line) == 1
    assert [head.count(name) for name in ("\r\nhost:", "\r\naccept-encoding:", "\r\ncontent-length:")] == [1, 1, 1]
    assert script.bodies == [b"{}"]


async def test_a_connection_whose_answer_was_read_is_used_again_and_one_that_was_not_is_closed():
    async with answering(OK, OK.replace(b"length: 2", b"length: 9"), OK) as (script, session, url):
        await whole(await post(session, url, b"", {}))
        (await post(session, url, b"", {})).close()
        assert script.connections == 1
        await whole(await post(session, url, b"", {}))
        assert script.connections == 2


async def test_nothing_is_sent_twice_where_a_kept_connection_closes_before_its_answer():
    async with answering(OK, b"", OK) as (script, session, url):
        await whole(await post(session, url, b"one", {}))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await post(session, url, b"two", {})
        assert script.bodies == [b"one", b"two"]


async def test_what_only_announces_an_answer_is_passed_over():
    async with answering(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK) as (_, session, url):
        response = await post(session, url, b"", {})
        assert (response.status, await whole(response)) == (200, b"ok")


async def test_a_redirect_is_not_followed():
    moved = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
    async with answering(moved) as (script, session, url):
        assert (await post(session, url, b"", {})).status == 302
        assert len(script.heads) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 9000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
async def test_an_answer_that_is_no_http_is_an_error_of_the_client_and_its_connection_is_not_kept(answer: bytes):
    async with answering(answer, OK) as (script, session, url):
        with pytest.raises(aiohttp.ClientError):
            async with asyncio.timeout(30):
                await post(session, url, b"", {})
        await whole(await post(session, url, b"", {}))
        assert script.connections == 2


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0", "a\x7f"])
async def test_a_header_with_a_control_character_is_not_sent(value: str):
    async with answering(OK) as (script, session, url):
        with pytest.raises(ValueError, match="control character"):
            await post(session, url, b"", {"Authorization": value})
    assert script.connections == 0


@pytest.mark.parametrize(
    ("url", "kind"),
    [("ftp://host/v1", aiohttp.NonHttpUrlClientError), ("http:///v1", aiohttp.InvalidURL), ("v1", aiohttp.ClientError)],
)
async def test_an_address_that_is_none_is_an_error_of_the_client(url: str, kind: type[Exception]):
    async with new_session() as session:
        with pytest.raises(kind):
            await post(session, url, b"", {})


async def test_an_address_that_is_not_allowed_is_refused_at_the_socket(monkeypatch: pytest.MonkeyPatch):
    async with answering(OK) as (script, session, url):
        monkeypatch.setattr(addresses, "_adopted", AddressPolicy())
        with pytest.raises(aiohttp.ClientConnectorError):
            await post(session, url, b"", {})
    assert script.connections == 0


async def test_a_connection_is_closed_when_its_caller_leaves_before_the_answer():
    async with answering(b"HTTP/1.1 100 Continue\r\n\r\n", OK) as (script, session, url):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await post(session, url, b"", {})
        await whole(await post(session, url, b"", {}))
        assert script.connections == 2
