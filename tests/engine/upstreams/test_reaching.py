"""How an upstream is reached: TLS, several addresses of a name, proxies, and no more in memory than is read."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import AddressFamily

import aiohttp
import aiohttp.connector
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from engine import addresses
from engine.addresses import AddressPolicy
from engine.upstreams.connections import new_session
from engine.upstreams.posting import post
from engine.upstreams.reasons import reason_of
from tests.engine.upstreams.bytes_server import OK, Answer, Bytes, sending
from tests.odd_servers import self_signed

DAY = timedelta(days=1)
KEPT_OPEN = Answer(OK, ends=False)
# Both ends of a connection hold some of what was sent; nobody else may.
MOST_HELD = 24 * 1024 * 1024


class AllAt(AbstractResolver):
    """DNS that answers every name with these addresses, in this order."""

    def __init__(self, *found: str) -> None:
        self._found = found

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        kinds = (AddressFamily.AF_INET6 if ":" in one else AddressFamily.AF_INET for one in self._found)
        pairs = zip(self._found, kinds, strict=True)
        return [ResolveResult(hostname=host, host=at, port=port, family=k, proto=0, flags=0) for at, k in pairs]

    async def close(self) -> None:
        """Nothing to close."""


@contextmanager
def _deaf(host: str, port: int = 0, *, is_full: bool = False) -> Iterator[int]:
    """The port of a server that accepts nobody; one whose queue is full does not even greet."""
    with ExitStack() as opened:
        listening = opened.enter_context(socket.socket())
        listening.bind((host, port))
        listening.listen(0)
        for _ in range(4 if is_full else 0):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def _named(url: str) -> str:
    return url.replace("127.0.0.1", "upstream.example")


@pytest.mark.parametrize("first", ["::1", "127.0.0.2"])
async def test_the_next_address_of_a_name_is_tried_where_the_first_one_refuses(first: str):
    async with sending(KEPT_OPEN) as (_, url), new_session(resolver=AllAt(first, "127.0.0.1")) as session:
        assert (await post(session, _named(url), b"{}", {})).status == 200


async def test_an_address_that_never_answers_does_not_keep_the_next_one_waiting():
    found = AllAt("127.0.0.3", "127.0.0.1")
    async with sending(KEPT_OPEN) as (server, url), new_session(connect_timeout_s=5, resolver=found) as session:
        with _deaf("127.0.0.3", server.port, is_full=True):
            assert (await post(session, _named(url), b"{}", {})).status == 200


async def test_no_address_of_a_name_is_called_that_may_not_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(addresses, "_adopted", AddressPolicy())
    async with sending(KEPT_OPEN) as (server, url), new_session(resolver=AllAt("::1", "127.0.0.1")) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await post(session, _named(url), b"{}", {})
    assert "private" in reason_of(caught.value).lower()
    assert server.connections == 0


async def test_a_forbidden_address_is_passed_over_for_one_that_may_be_called():
    found = AllAt("169.254.169.254", "127.0.0.1")
    async with sending(KEPT_OPEN) as (_, url), new_session(resolver=found) as session:
        assert (await post(session, _named(url), b"{}", {})).status == 200


async def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with sending(KEPT_OPEN) as (_, url), new_session() as session:
        assert (await post(session, url, b"{}", {})).status == 200


async def test_requests_at_once_get_a_connection_each_and_those_after_them_use_these_again():
    async with sending(KEPT_OPEN) as (server, url), new_session() as session:
        for _ in range(2):
            responses = await asyncio.gather(*(post(session, url, b"{}", {}) for _ in range(50)))
            assert [await one.content.read() for one in responses] == [b"{}"] * 50
            assert server.connections == 50


async def test_what_nobody_reads_is_not_read_from_the_upstream_either():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    endless = Answer(head, again=b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    async with sending(endless) as (server, url), new_session() as session:
        response = await post(session, url, b"{}", {})
        while not await _stands_still(server):
            pass
        assert server.sent_again < MOST_HELD
        response.close()


async def _stands_still(server: Bytes) -> bool:
    before = server.sent_again
    await asyncio.sleep(0.1)
    return before == server.sent_again


# TLS


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The context of a server whose certificate, for localhost, is trusted."""
    return _server(tmp_path, monkeypatch)


def _server(folder: Path, monkeypatch: pytest.MonkeyPatch, *, until: datetime | None = None) -> ssl.SSLContext:
    certificate, key = self_signed(folder, until=until)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def _reason(url: str, resolver: AbstractResolver | None = None) -> str:
    async with new_session(resolver=resolver) as session:
        with pytest.raises(aiohttp.ClientError) as caught:
            await post(session, url, b"{}", {})
    return reason_of(caught.value)


async def test_an_upstream_behind_tls_answers_and_its_connection_is_used_again(trusted: ssl.SSLContext):
    async with sending(KEPT_OPEN, tls=trusted) as (server, url), new_session() as session:
        for _ in range(2):
            response = await post(session, url.replace("127.0.0.1", "localhost"), b"{}", {})
            assert await response.content.read() == b"{}"
        assert server.connections == 1


async def test_a_certificate_of_another_host_is_not_trusted(trusted: ssl.SSLContext):
    async with sending(KEPT_OPEN, tls=trusted) as (server, url):
        said = await _reason(url.replace("127.0.0.1", "other.example"), resolver=AllAt("127.0.0.1"))
    assert said.startswith("TLS: ")
    assert "mismatch" in said.lower() or "not valid for" in said
    assert server.requests == 0


async def test_a_certificate_that_has_expired_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    expired = _server(tmp_path, monkeypatch, until=datetime.now(UTC) - DAY)
    async with sending(KEPT_OPEN, tls=expired) as (server, url):
        assert "expired" in await _reason(url.replace("127.0.0.1", "localhost"))
    assert server.requests == 0


async def test_a_server_without_tls_is_no_server_behind_tls():
    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        assert (await _reason(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")).startswith("TLS: ")


async def test_a_server_that_says_nothing_while_tls_begins_is_given_up():
    with _deaf("127.0.0.1") as port:
        async with new_session(connect_timeout_s=0.2) as session:
            with pytest.raises(aiohttp.ConnectionTimeoutError):
                await post(session, f"https://127.0.0.1:{port}/v1", b"{}", {})
