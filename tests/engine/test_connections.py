"""Why a connection failed, in words for people: no address, no file of OpenSSL."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from engine.upstreams.connections import new_session
from engine.upstreams.reasons import reason_of
from tests.fakes import ScriptedUpstream
from tests.odd_servers import tls_upstream


async def reason_for(url: str) -> str:
    async with new_session() as session:
        with pytest.raises(aiohttp.ClientError) as caught:
            await session.get(url)
    return reason_of(caught.value)


async def test_a_refused_connection_is_named_without_its_address():
    with ScriptedUpstream() as gone:
        pass
    assert await reason_for(gone.url) == "Connection refused"


async def test_a_name_that_nobody_knows_is_the_resolvers_word():
    assert "not known" in await reason_for("http://no-such-host.invalid/v1")


async def test_a_certificate_that_nobody_trusts_is_said_so(tmp_path: Path):
    with tls_upstream(tmp_path) as upstream:
        said = await reason_for(upstream.url.replace("127.0.0.1", "localhost"))
    assert said == "TLS: self-signed certificate"
