"""What upstreams send that is no sound HTTP: each ends soon, in an error that says whose fault it is.

No connection is used again after one of them, and no answer reaches a request that did not ask for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from engine import limits
from engine.core.failures import Kind
from engine.ledger import Attempt, Trace
from engine.limits import Limits
from engine.spec import RetryPolicy
from engine.upstreams.call import Answer, Call, Stream
from engine.upstreams.connections import new_session
from engine.upstreams.direct import DirectUpstream
from engine.upstreams.posting import post
from engine.upstreams.upstream_failure import UpstreamFailure
from tests.engine.scripted import deployment
from tests.engine.upstreams import bytes_server, malformed
from tests.engine.upstreams.bytes_server import Bytes, sending

WHOLE = bytes_server.Answer(
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    % (len(malformed.WHOLE), malformed.WHOLE),
    ends=False,
)
# The kinds that are about the upstream: another one may answer.
UPSTREAMS_FAULT = {Kind.UNREACHABLE, Kind.SERVER, Kind.TIMEOUT}
SHORT = RetryPolicy(timeout_s=0.3, first_token_timeout_s=0.3)
PATIENT = RetryPolicy(timeout_s=8, first_token_timeout_s=8)


@dataclass
class Asked:
    """One upstream, asked by the gateway's own way."""

    session: aiohttp.ClientSession
    url: str

    async def ask(self, policy: RetryPolicy = PATIENT, *, is_stream: bool = False) -> Answer | Stream:
        body = {"messages": [{"role": "user", "content": "Hello"}], "stream": is_stream}
        call = Call("chat/completions", body, Trace("r", "g"), is_stream)
        upstream = DirectUpstream(lambda: self.session)
        attempt = Attempt("a", "a", "P", "g", 0, 0.0)
        return await upstream.send(call, deployment("a", api_base=self.url), policy, attempt)

    async def failure(self, policy: RetryPolicy = PATIENT, *, is_stream: bool = False) -> UpstreamFailure:
        with pytest.raises(UpstreamFailure) as caught:
            await self.ask(policy, is_stream=is_stream)
        return caught.value


async def _check_is_refused(name: str, *, ends: bool, is_stream: bool) -> None:
    sent = malformed.REFUSED[name]
    if is_stream:
        sent = sent.replace(b"application/json", b"text/event-stream")
    async with sending(bytes_server.Answer(sent, ends=ends), WHOLE) as (server, url), new_session() as session:
        asked = Asked(session, url)
        failure = await asked.failure(PATIENT if ends else SHORT, is_stream=is_stream)
        assert failure.kind in UPSTREAMS_FAULT
        assert "Traceback" not in str(failure)
        assert len(str(failure)) < 300
        # The next one is not harmed.
        await asyncio.sleep(0)
        answer = await asked.ask()
        assert isinstance(answer, Answer)
        assert answer.body == malformed.WHOLE
        assert server.connections == (1 if name in malformed.SOUND else 2)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", [name for name in malformed.REFUSED if name not in malformed.SOUND])
async def test_a_malformed_answer_is_the_upstreams_error_and_its_connection_is_not_used_again(
    name: str, is_stream: bool
):
    await _check_is_refused(name, ends=True, is_stream=is_stream)


@pytest.mark.parametrize("name", malformed.REFUSED)
async def test_a_malformed_answer_on_a_connection_that_stays_open_ends_within_the_limit(name: str):
    await _check_is_refused(name, ends=False, is_stream=False)


@pytest.mark.parametrize("name", malformed.ACCEPTED)
async def test_an_unusual_answer_arrives(name: str):
    async with sending(bytes_server.Answer(malformed.ACCEPTED[name])) as (_, url), new_session() as session:
        response = await post(session, url, b"{}", {})
        assert (response.status, await response.content.read()) == (200, b"{}")


@pytest.mark.parametrize("name", malformed.ENDLESS)
async def test_an_answer_without_end_is_the_upstreams_error(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "_adopted", Limits(answer_mb=1))
    async with sending(malformed.ENDLESS[name], WHOLE) as (server, url), new_session() as session:
        failure = await Asked(session, url).failure()
        assert failure.kind is not Kind.TIMEOUT
        assert failure.kind in UPSTREAMS_FAULT
        assert isinstance(await Asked(session, url).ask(), Answer)
        assert server.connections == 2


async def test_what_unpacks_to_far_more_than_it_weighs_is_too_large(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "_adopted", Limits(answer_mb=1))
    async with sending(bytes_server.Answer(malformed.BOMB)) as (_, url), new_session() as session:
        assert (await Asked(session, url).failure()).kind is Kind.SERVER


async def _settled(session: aiohttp.ClientSession, server: Bytes) -> None:
    """What the server sends later has arrived at the idle connection."""
    server.may_send_later.set()
    connector = session.connector
    assert connector is not None
    async with asyncio.timeout(30):
        while not any(_has_more(protocol) for kept in connector._conns.values() for protocol, _ in kept):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def _has_more(protocol: ResponseHandler) -> bool:
    return protocol.should_close or not protocol.is_connected()


@pytest.mark.parametrize(
    "later",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nstolen\r\n0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"garbage",
        b"\r\n\r\ngarbage",
    ],
    ids=["an answer", "an answer in chunks", "an error", "garbage", "garbage after blank lines"],
)
@pytest.mark.parametrize("way", ["ours", "aiohttp's"])
async def test_what_comes_after_an_answer_is_not_the_answer_to_the_next_request(later: bytes, way: str):
    first = bytes_server.Answer(bytes_server.OK, ends=False, later=later)
    async with sending(first, WHOLE) as (server, url), new_session() as session:
        response = await post(session, url, b"{}", {})
        assert await response.content.read() == b"{}"
        await _settled(session, server)
        if way == "ours":
            said = await (await post(session, url, b"{}", {})).content.read()
        else:
            said = await (await session.post(url, data=b"{}")).read()
        assert said == malformed.WHOLE
        assert server.connections == 2


async def test_a_server_that_always_says_more_than_it_is_asked_gets_a_connection_for_each_request():
    more = bytes_server.Answer(bytes_server.OK + bytes_server.OK, ends=False)
    async with sending(more) as (server, url), new_session() as session:
        for _ in range(3):
            assert await (await post(session, url, b"{}", {})).content.read() == b"{}"
        assert server.connections == 3
