"""Every door is sent junk, and answers it in its client's shape: never a failure of ours, never a hang."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.doors.paths import CALLS
from tests.gateway.conftest import Stage
from tests.gateway.doors.test_small_doors_over_the_wire import BEARER

pytestmark = pytest.mark.once

HI = [{"role": "user", "content": "hi"}]
# All that a request of any door needs.
FULL: dict[str, Any] = {
    "model": "GROUP",
    "messages": HI,
    "input": "hi",
    "prompt": "hi",
    "query": "hi",
    "documents": ["a"],
    "max_tokens": 5,
}
DOORS = [f"/v1/{name}" for name in CALLS] + ["/v1/messages/count_tokens", "/v2/rerank"]
JSON = {"content-type": "application/json"}
WITHIN_S = 20


def body(**changes: Any) -> bytes:
    return json.dumps({**FULL, **changes}).encode()


def without(*names: str) -> bytes:
    return json.dumps({name: value for name, value in FULL.items() if name not in names}).encode()


def deep(depth: int) -> Any:
    return b"[" * depth + b"]" * depth


DEEP = b'{"model":"GROUP","x":%b}'
JUNK: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", JSON),
    "spaces": (b"  \n ", JSON),
    "text": (b"hello", JSON),
    "cut JSON": (body()[:-3], JSON),
    "a list": (b"[]", JSON),
    "null": (b"null", JSON),
    "a number": (b"1e999", JSON),
    "deep": (DEEP % deep(100), JSON),
    "deeper": (DEEP % deep(100_000), JSON),
    "not UTF-8": (b'{"model":"\xff\xfe","messages":[]}', JSON),
    "half a surrogate": (b'{"model":"\\ud800","messages":[{"role":"user","content":"\\udfff"}]}', JSON),
    "UTF-16": (json.dumps(FULL).encode("utf-16"), JSON),
    "zeros": (bytes(1000), JSON),
    "a key twice": (b'{"model":"GROUP",' + body()[1:-1] + b',"model":"no-such-model"}', JSON),
    "no model": (without("model"), JSON),
    "model null": (body(model=None), JSON),
    "model a number": (body(model=5), JSON),
    "model a list": (body(model=["GROUP"]), JSON),
    "model an object": (body(model={"a": 1}), JSON),
    "model empty": (body(model=""), JSON),
    "model with a line end": (body(model="a\r\nx-y: z"), JSON),
    "model endless": (body(model="m" * 100_000), JSON),
    "only a model": (b'{"model":"GROUP"}', JSON),
    "wrong types": (body(messages="x", input=5, prompt=5, query=5, documents=5, max_tokens="x"), JSON),
    "other wrong types": (body(messages=[5, None, "x"], input=[None], prompt=[{}], query=None, documents=[[]]), JSON),
    "odd parts": (body(messages=[{"role": "user", "content": [None, 5, {"type": None}]}], input=[{"type": []}]), JSON),
    "a billion": (body(n=10**9, max_tokens=10**9, max_output_tokens=10**9, top_n=10**9, dimensions=10**9), JSON),
    "huge": (body(n=10**30, max_tokens=10**30, max_output_tokens=10**30, temperature=10**300), JSON),
    "not finite": (body().replace(b'"hi"', b"NaN"), JSON),
    "below zero": (body(n=-1, max_tokens=-1, max_output_tokens=-1, top_n=-1, dimensions=-1), JSON),
    "stream a word": (body(stream="yes"), JSON),
    "tools odd": (body(tools=[None, 5, {"type": "function"}], tool_choice=[]), JSON),
    "metadata odd": (body(metadata=[], user={}, stop=5, response_format=5, text=5, thinking=5, system=5), JSON),
    "no content type": (b"hello", {}),
    "form": (b"a=b", {"content-type": "application/x-www-form-urlencoded"}),
    "multipart": (b"--x\r\nbroken", {"content-type": "multipart/form-data; boundary=x"}),
    "an image": (b"\x89PNG", {"content-type": "image/png"}),
    "not gzip": (body(), {**JSON, "content-encoding": "gzip"}),
    "unknown packing": (body(), {**JSON, "content-encoding": "br"}),
    "odd accept": (b"{}", {**JSON, "accept": "text/html"}),
}


@pytest.fixture(scope="session")
def group_of_junk() -> dict[str, str]:
    """The name of the one group that gets it all."""
    return {}


def ask(stage: Stage, method: str, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
    given = {**BEARER, **headers}
    return httpx.request(method, stage.console.url + path, content=content, headers=given, timeout=WITHIN_S)


def check_shape(answer: httpx.Response, path: str) -> None:
    """A refusal, in the words of the door's clients."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:500])
    said = answer.json()
    if "/messages" in path:
        assert (said["type"], set(said["error"])) == ("error", {"type", "message"})
    else:
        assert set(said["error"]) == {"message", "type", "param", "code"}
    assert len(answer.content) < 3000
    assert answer.headers["x-request-id"]


# Some doors can do with it: they pass on what they do not read, or ask for less than there is.
MAY_PASS = {
    *("a key twice", "odd parts", "a billion", "tools odd", "metadata odd", "other wrong types", "below zero", "huge"),
    *("deep", "stream a word", "wrong types"),
}


@pytest.mark.parametrize("junk", [*JUNK])
@pytest.mark.parametrize("path", DOORS)
def test_junk_is_refused_in_the_words_of_the_door(
    stage: Stage, make_group: Callable[..., str], group_of_junk: dict[str, str], path: str, junk: str
):
    group = group_of_junk.setdefault("name", group_of_junk.get("name") or make_group())
    content, headers = JUNK[junk]
    answer = ask(stage, "POST", path, content.replace(b"GROUP", group.encode()), headers)
    if not (junk in MAY_PASS and answer.status_code == 200):
        check_shape(answer, path)


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY", "TRACE"])
@pytest.mark.parametrize("end", ["", "/", "//"])
def test_other_methods_are_refused_at_every_door(stage: Stage, method: str, end: str):
    for path in DOORS:
        answer = ask(stage, method, path + end, b"", {})
        if method == "OPTIONS":
            assert (answer.status_code, answer.content) == (204, b"")
        elif method == "HEAD":
            assert (answer.status_code, answer.content) == (405, b"")
        else:
            assert answer.status_code == 405, path
            check_shape(answer, path)


def test_odd_paths_below_v1_are_refused_too(stage: Stage):
    for path in ("/v1", "/v1/", "/v1//", "/v1/%00", "/v1/%ff%fe", "/v1/" + "x" * 5000, "/v1/../v1/nothing", "/v1/chat"):
        answer = ask(stage, "POST", path, b"{}", JSON)
        assert answer.status_code in (400, 404), (path[:40], answer.status_code)
        assert answer.json()["error"]["message"]


ODD_HEADERS = [
    "authorization: Bearer " + "x" * 9000,
    "authorization: Bearer \xff\xfe",
    "authorization: Basic eDp5",
    "authorization:",
    "x-request-id: " + "y" * 9000,
    "traceparent: " + "z" * 9000,
    "x-big: " + "b" * 20_000,
    "anthropic-version: \xff",
    "content-type: multipart/form-data; boundary=\xff",
    "content-type: ;;;",
]


@pytest.mark.parametrize("header", ODD_HEADERS, ids=lambda header: header[:24])
def test_odd_headers_are_refused_or_do_no_harm(stage: Stage, header: str):
    for path in DOORS:
        status = raw_status(stage, path, header)
        assert 400 <= status < 500, (path, status)


def raw_status(stage: Stage, path: str, header: str) -> int:
    """The status of a request as no HTTP library would send it."""
    at = urlsplit(stage.console.url)
    key = "" if header.startswith("authorization") else f"authorization: {BEARER['Authorization']}\r\n"
    kind = "" if header.startswith("content-type") else "content-type: application/json\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{key}{kind}{header}\r\ncontent-length: 2\r\n\r\n{{}}"
    )
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=WITHIN_S) as wire:
        wire.sendall(head.encode("latin-1"))
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    return int(answer.split(b" ", 2)[1])
