"""Which dialects a server speaks, asked of servers that answer as known ones do."""

from __future__ import annotations

import pytest

from engine import addresses
from engine.probes.findings import Target
from engine.probes.spoken import NOBODYS, spoken_by
from engine.spec import Secret
from tests.fakes import Drop, Hang, ScriptedUpstream, Status
from tests.odd_servers import Moved, Page, Paths
from tests.pace import Stopwatch

KEY = "sk-of-a-test"
NOTHING: dict[str, bool | None] = {"chat": None, "responses": None, "messages": None}


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
EMPTY = Status(400, message="[] is too short - 'messages'")
NO_MODEL = Status(404, message="model '' not found")
SERVERS: dict[str, tuple[Paths, dict[str, bool | None]]] = {
    "vLLM": (Paths(dict.fromkeys((CHAT, RESPONSES, MESSAGES), Status(400, message="1 validation error"))), {}),
    "FastAPI": (Paths({CHAT: Status(422)}), {"responses": False, "messages": False}),
    "Ollama": (Paths({CHAT: EMPTY, RESPONSES: NO_MODEL, MESSAGES: EMPTY}), {}),
    "an older llama.cpp": (Paths({CHAT: Status(500)}), {"responses": False, "messages": False}),
    "LM Studio": (Paths({CHAT: EMPTY, RESPONSES: EMPTY}, elsewhere=Page()), {"messages": None}),
    "a wrong method": (Paths({CHAT: EMPTY}, elsewhere=Status(405)), {"responses": False, "messages": False}),
    "a wrong key": (Paths(dict.fromkeys((CHAT, MESSAGES), Status(401))), {"responses": False}),
    "a login in front": (Paths(elsewhere=Status(401)), NOTHING),
    "a web page for all": (Paths(elsewhere=Page()), NOTHING),
    "elsewhere": (Paths(elsewhere=Moved("https://elsewhere.example/")), NOTHING),
    "overload": (Paths(dict.fromkeys((CHAT, MESSAGES), Status(429))), {**NOTHING, "responses": False}),
    "down": (Paths(dict.fromkeys((CHAT, MESSAGES), Status(503))), {**NOTHING, "responses": False}),
    "broken": (Paths(elsewhere=Drop()), NOTHING),
}


def target(api_base: str | None, type: str = "openai", **options: str) -> Target:
    return Target("P", type, api_base, Secret(KEY), options=tuple(options.items()))


@pytest.mark.parametrize(("server", "found"), SERVERS.values(), ids=SERVERS.keys())
async def test_a_server_is_known_by_what_it_refuses(
    upstream: ScriptedUpstream, server: Paths, found: dict[str, bool | None]
):
    upstream.usual = server
    spoken = {"chat": True, "responses": True, "messages": True} | found
    assert await spoken_by(target(upstream.url)) == spoken
    assert [(exchange.method, exchange.raw) for exchange in upstream.seen] == [("POST", b"{}")] * 4


async def test_each_address_is_asked_as_real_requests_are(upstream: ScriptedUpstream):
    upstream.usual = Paths()
    await spoken_by(target(upstream.url.removesuffix("/v1"), "ollama"))
    seen = {exchange.path: exchange.headers for exchange in upstream.seen}
    assert set(seen) == {CHAT, RESPONSES, MESSAGES, f"/v1/{NOBODYS}"}
    assert all(headers["authorization"] == f"Bearer {KEY}" for headers in seen.values())
    assert (seen[MESSAGES]["x-api-key"], seen[MESSAGES]["anthropic-version"]) == (KEY, "2023-06-01")


async def test_azure_is_asked_at_a_deployment_that_it_may_not_have(upstream: ScriptedUpstream):
    gone = Status(404, message="The API deployment for this resource does not exist.")
    upstream.usual = Paths({"/openai/deployments/probe/chat/completions": gone, "/openai/responses": EMPTY})
    found = await spoken_by(target(upstream.url.removesuffix("/v1"), "azure", api_version="2024-10-21"))
    assert found == {"chat": True, "responses": True, "messages": False}
    assert {exchange.headers.get("api-key") for exchange in upstream.seen if "messages" not in exchange.path} == {KEY}


async def test_a_server_that_hangs_is_given_up(upstream: ScriptedUpstream):
    upstream.usual, watch = Hang(), Stopwatch()
    assert await spoken_by(target(upstream.url), limit_s=0.2) == NOTHING
    assert watch.elapsed_s < 2


async def test_a_forbidden_address_is_not_called(upstream: ScriptedUpstream):
    before = addresses.adopted()
    addresses.adopt(addresses.AddressPolicy())
    try:
        assert await spoken_by(target(upstream.url)) == NOTHING
    finally:
        addresses.adopt(before)
    assert upstream.count == 0


@pytest.mark.parametrize("type", ["bedrock", "huggingface", "openai"])
async def test_where_no_address_is_known_nobody_is_asked(type: str):
    assert await spoken_by(target(None, type)) == {}
