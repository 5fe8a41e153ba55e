"""What strangers and slow callers can take of a process, over real connections."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest

from tests.servers import MASTER_KEY, Console, becomes, console

pytestmark = pytest.mark.once
CONNECTIONS = 12


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with console(
        tmp_path_factory.mktemp("exhaustion"),
        MAX_CONNECTIONS=str(CONNECTIONS),
        MAX_BUFFERED_MB="1",
        HEAD_DEADLINE_S="3",
        BODY_DEADLINE_S="3",
    ) as ours:
        yield ours


@contextmanager
def connected(ours: Console) -> Iterator[socket.socket]:
    at = urlsplit(ours.url)
    with closing(socket.create_connection((at.hostname, at.port), timeout=60)) as connection:
        yield connection


def head(path: str, *, length: int, key: str = "") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", "Content-Type: application/json"]
    return "\r\n".join([*lines, *([f"Authorization: Bearer {key}"] if key else []), "", ""]).encode()


def status_of(connection: socket.socket) -> int:
    """Of the answer; 0 if the connection was closed without one."""
    said = connection.makefile("rb").readline()
    return int(said.split()[1]) if said else 0


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages/count_tokens", "/v1/audio/transcriptions"])
def test_a_stranger_is_refused_before_the_body_is_sent(ours: Console, path: str):
    with connected(ours) as connection:
        connection.sendall(head(path, length=30_000_000))
        assert status_of(connection) == 401


@pytest.mark.parametrize(
    "told",
    [
        b"GET /v1/models?q=" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a greeting of TLS\r\n\r\n",
    ],
    ids=["an address of 70 KB", "TLS"],
)
def test_what_can_not_be_read_is_an_error_in_the_words_of_an_api(ours: Console, told: bytes):
    with connected(ours) as connection:
        connection.sendall(told)
        answer = HTTPResponse(connection)
        answer.begin()
        error = json.loads(answer.read())["error"]
    assert (answer.status, error["type"], error["code"]) == (400, "invalid_request_error", "unreadable_request")


def test_a_head_that_never_ends_is_not_waited_for(ours: Console):
    with connected(ours) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: local")
        assert status_of(connection) == 0


def test_nor_is_the_head_of_a_second_request_on_the_connection(ours: Console):
    with connected(ours) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said = b""
        while not said.endswith(b"}"):  # head and body may come apart
            said += connection.recv(4096)
        assert said.startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: local")
        assert connection.recv(4096) == b""


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/routing_group"])
def test_a_body_that_never_ends_is_not_waited_for(ours: Console, path: str):
    with connected(ours) as connection:
        connection.sendall(head(path, length=1000, key=MASTER_KEY) + b'{"model": ')
        assert status_of(connection) == 408


def test_bodies_are_held_only_up_to_a_limit_of_all_together(ours: Console):
    with connected(ours) as connection:
        connection.sendall(head("/v1/chat/completions", length=3_000_000, key=MASTER_KEY))
        with ExitStack() as stack:
            stack.callback(connection.close)
            try:
                connection.sendall(b" " * 3_000_000)
            except OSError:  # it was cut off while we sent
                return
            assert status_of(connection) == 503


def test_a_stranger_sends_no_large_body_to_pages_and_rest_either(ours: Console):
    with connected(ours) as connection:
        connection.sendall(head("/v1/routing_group", length=100_000) + b" " * 70_000)
        assert status_of(connection) in (401, 413)


def test_connections_beyond_the_limit_are_refused_and_room_comes_back(ours: Console):
    with ExitStack() as stack:
        mine = [stack.enter_context(connected(ours)) for _ in range(CONNECTIONS + 1)]
        assert status_of(mine[-1]) == 503
    becomes(lambda: ours.send("GET", "/livez").status_code, 200, deadline_s=30)
