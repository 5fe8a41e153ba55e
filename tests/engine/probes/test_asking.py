"""Probes of real servers: every dialect of llmock, and everything that goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.probes.asking import check, probe
from engine.probes.findings import Target, Trouble
from engine.spec import Secret
from tests.fakes import Drop, Hang, Ok, ScriptedUpstream, Status
from tests.odd_servers import Moved, Page, saw_request, tls_upstream
from tests.pace import Stopwatch
from tests.servers import Llmock, free_port, llmock

KEY = "key-of-a-test-that-must-not-leak"
DIALECTS = [
    ("openai", "/v1", "gpt-4o"),
    ("anthropic", "/anthropic", "claude-sonnet-4-5"),
    ("gemini", "/gemini/v1beta", "gemini-2.5-flash"),
    ("cohere", "/cohere/v2", "command-r"),
    ("mistral", "/mistral/v1", "mistral-large-latest"),
    ("groq", "/groq/openai/v1", "llama-3.3-70b-versatile"),
    ("together_ai", "/together/v1", "meta-llama/Llama-3-70b-chat-hf"),
]
each_dialect = pytest.mark.parametrize(("dialect", "path", "model"), DIALECTS, ids=[d[0] for d in DIALECTS])


@pytest.fixture(scope="module")
def _vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llmock]:
    with llmock(tmp_path_factory.mktemp("vendors")) as running:
        yield running


@pytest.fixture
def vendors(_vendors: Llmock) -> Llmock:
    _vendors.reset()
    return _vendors


def target(api_base: str, dialect: str = "openai", model: str | None = None) -> Target:
    return Target("P", dialect, api_base, Secret(KEY), model)


@each_dialect
async def test_each_dialect_lists_its_models(vendors: Llmock, dialect: str, path: str, model: str):
    found = await probe(target(vendors.url + path, dialect))
    assert (found.is_ok, found.error) == (True, "")
    assert len(found.models) >= 3
    assert not any(name.startswith("models/") for name in found.models)
    assert 0 < found.latency_ms < 10_000


@each_dialect
async def test_each_dialect_says_that_a_key_is_wrong(vendors: Llmock, dialect: str, path: str, model: str):
    vendors.script({"type": "fail", "status": 401, "times": None})
    found = await probe(target(vendors.url + path, dialect))
    assert (found.trouble, found.error) == (Trouble.WRONG_KEY, "Invalid API key")


async def test_a_check_asks_for_one_token_the_way_of_real_traffic(vendors: Llmock):
    found = await check(target(f"{vendors.url}/anthropic", "anthropic", "claude-sonnet-4-5"))
    assert (found.is_ok, len(found.models) >= 3) == (True, True)
    paths = [request["path"] for request in vendors.requests()]
    assert paths == ["/anthropic/v1/models", "/anthropic/v1/messages"]


@pytest.mark.parametrize("status", [402, 429])
async def test_no_credit_shows_only_when_a_token_is_asked_for(upstream: ScriptedUpstream, status: int):
    upstream.script(Ok(), Status(status, message="You exceeded your current quota, check your billing details"))
    found = await check(target(upstream.url, model="m"))
    assert found.trouble is Trouble.NO_CREDIT
    assert "no credit" in found.error


async def test_a_token_that_cannot_be_had_for_other_reasons_changes_nothing(upstream: ScriptedUpstream):
    upstream.script(Ok(), Status(404, message="this model is gone"))
    found = await check(target(upstream.url, model="m"))
    assert (found.is_ok, found.models) == (True, ("scripted",))


async def test_a_server_without_a_list_is_tested_by_a_token(upstream: ScriptedUpstream):
    for ask in (probe, check):
        upstream.script(Status(404), Ok())
        assert (await ask(target(upstream.url, model="m"))).models == ("m",)
    upstream.script(Status(404))
    assert (await check(target(upstream.url))).trouble is Trouble.NO_LIST


async def test_without_any_list_and_model_a_provider_cannot_be_tested():
    found = await check(Target("P", "bedrock"))
    assert (found.trouble, "Add one of its models" in found.error) == (Trouble.NO_LIST, True)


async def test_a_public_list_does_not_hide_a_wrong_key(upstream: ScriptedUpstream):
    upstream.script(Ok(), Status(401))
    found = await probe(target(upstream.url, "openrouter"))
    assert found.trouble is Trouble.WRONG_KEY
    assert [exchange.path for exchange in upstream.seen] == ["/v1/models", "/v1/key"]


ANSWERS = {
    "wrong key": (Status(401, message=f"Incorrect API key provided: {KEY}"), Trouble.WRONG_KEY, "Invalid API key"),
    "Google's wrong key": (Status(400, message="API key not valid."), Trouble.WRONG_KEY, "Invalid API key"),
    "forbidden": (Status(403, message=f"{KEY} is for another project"), Trouble.FORBIDDEN, "another project"),
    "no credit": (Status(402, message="Insufficient credits"), Trouble.NO_CREDIT, "no credit"),
    "no quota": (Status(429, message="You exceeded your current quota"), Trouble.NO_CREDIT, "quota"),
    "rate limit": (Status(429, message="Slow down"), Trouble.RATE_LIMITED, "Slow down"),
    "server error": (Status(500, message=f"crashed on {KEY}"), Trouble.SERVER_ERROR, "crashed on ****"),
    "a web page": (Page(), Trouble.NOT_COMPATIBLE, "it answered with a web page"),
    "a redirect": (Moved("https://elsewhere.example/"), Trouble.REDIRECT, "redirect"),
    "not found": (Status(404), Trouble.NO_LIST, "Check the base URL"),
    "cut off": (Drop(), Trouble.UNREACHABLE, "broke"),
}


@pytest.mark.parametrize(("behaviour", "trouble", "words"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_what_is_wrong_is_said_in_words_and_without_the_key(upstream, behaviour, trouble, words):
    upstream.usual = behaviour
    found = await probe(target(upstream.url))
    assert found.trouble is trouble
    assert words in found.error
    assert KEY not in found.error


async def test_a_server_that_hangs_is_given_up_in_time(upstream: ScriptedUpstream):
    upstream.script(Hang())
    watch = Stopwatch()
    found = await probe(target(upstream.url), limit_s=0.3)
    assert (found.trouble, "within 0.3 s" in found.error) == (Trouble.TIMEOUT, True)
    assert watch.elapsed_s < 3


async def test_nobody_at_the_port():
    found = await probe(target(f"http://127.0.0.1:{free_port()}/v1"))
    assert (found.trouble, "refused" in found.error) == (Trouble.REFUSED, True)


async def test_a_name_that_does_not_exist():
    found = await probe(target("http://no-such-host.invalid/v1"))
    assert (found.trouble, "no-such-host.invalid" in found.error) == (Trouble.DNS, True)


async def test_a_certificate_that_nobody_trusts(tmp_path: Path):
    with tls_upstream(tmp_path) as upstream:
        found = await probe(target(upstream.url.replace("127.0.0.1", "localhost")))
    assert (found.trouble, "self-signed" in found.error) == (Trouble.TLS, True)


async def test_tls_where_there_is_none(vendors: Llmock):
    found = await probe(target(vendors.api_base.replace("http:", "https:")))
    assert (found.trouble, "http://" in found.error) == (Trouble.TLS, True)


@pytest.mark.parametrize("api_base", ["http://[::1/v1", "http://", "no url at all"])
async def test_what_is_no_url(api_base: str):
    assert (await probe(target(api_base))).trouble is Trouble.UNUSABLE


@pytest.mark.parametrize("dialect", ["anthropic", "mistral", "cohere"])
async def test_troubles_through_litellm_are_told_alike(upstream: ScriptedUpstream, dialect: str):
    upstream.script(Status(404), Status(401, message=f"invalid key {KEY}"))
    found = await check(target(upstream.url, dialect, "some-model"))
    assert (found.trouble, found.error) == (Trouble.WRONG_KEY, "Invalid API key")


async def test_a_probe_that_is_cancelled_lets_go_at_once(upstream: ScriptedUpstream):
    upstream.script(Hang())
    probing = asyncio.create_task(probe(target(upstream.url)))
    assert await asyncio.to_thread(saw_request, upstream)
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(probing, 30)
    assert upstream.saw_disconnect()
