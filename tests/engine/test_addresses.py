"""Which addresses may be called: the rules, and that every connection keeps to them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import litellm
import pytest

from engine import addresses
from engine.addresses import NEVER, PRIVATE, AddressPolicy
from engine.exceptions import RequestFailed
from engine.ledger import Attempt, Trace
from engine.probes.asking import probe
from engine.probes.findings import Target, Trouble
from engine.routing import Routing
from engine.spec import DeploymentSpec, GroupSpec, RetryPolicy, Secret, Strategy
from engine.upstreams.call import Call
from engine.upstreams.choose import upstream_for
from tests.fakes import ScriptedUpstream
from tests.odd_servers import Moved, Names

INSIDE = [
    "http://localhost:{port}/v1",
    "http://LOCALHOST.:{port}/v1",
    "http://127.0.0.1:{port}/v1",
    "http://127.1:{port}/v1",
    "http://127.0.1:{port}/v1",
    "http://2130706433:{port}/v1",
    "http://0x7f000001:{port}/v1",
    "http://0x7f.1:{port}/v1",
    "http://0177.0.0.1:{port}/v1",
    "http://017700000001:{port}/v1",
    "http://127.255.255.254:{port}/v1",
    "http://0.0.0.0:{port}/v1",
    "http://0:{port}/v1",
    "http://[::]:{port}/v1",
    "http://[::1]:{port}/v1",
    "http://[0:0:0:0:0:0:0:1]:{port}/v1",
    "http://[::ffff:127.0.0.1]:{port}/v1",
    "http://[::ffff:7f00:1]:{port}/v1",
    "http://[::127.0.0.1]:{port}/v1",
    "http://10.0.0.1:{port}/v1",
    "http://172.16.5.5:{port}/v1",
    "http://192.168.1.1:{port}/v1",
    "http://100.64.0.1:{port}/v1",
    "http://198.18.0.1:{port}/v1",
    "http://240.0.0.1:{port}/v1",
    "http://255.255.255.255:{port}/v1",
    "http://[fd12::1]:{port}/v1",
    "http://[fec0::1]:{port}/v1",
    "http://[2002:7f00:1::]:{port}/v1",
    "http://[2002:a00:1::]:{port}/v1",
    "http://[64:ff9b::10.0.0.1]:{port}/v1",
    "http://[64:ff9b:1::1]:{port}/v1",
    "http://[2001:0:4136:e378:8000:63bf:f5ff:fffe]:{port}/v1",
    "http://①②⑦.0.0.1:{port}/v1",
    "http://inside.example:{port}/v1",
    "http://inside-six.example:{port}/v1",
]
NEVER_EVER = [
    "http://169.254.169.254/v1",
    "http://2852039166/v1",
    "http://0xa9fea9fe/v1",
    "http://0251.0376.0251.0376/v1",
    "http://[::ffff:169.254.169.254]/v1",
    "http://[::ffff:a9fe:a9fe]/v1",
    "http://[64:ff9b::a9fe:a9fe]/v1",
    "http://[2002:a9fe:a9fe::]/v1",
    "http://[fe80::1]/v1",
    "http://[fd00:ec2::254]/v1",
    "http://100.100.100.200/v1",
    "http://168.63.129.16/v1",
    "http://224.0.0.1/v1",
    "http://[ff02::1]/v1",
    "http://metadata.example/v1",
]
DNS = {
    "inside.example": ["127.0.0.1"],
    "inside-six.example": ["::1"],
    "metadata.example": ["169.254.169.254"],
}
DIALECTS = ["anthropic", "gemini", "mistral", "cohere", "azure", "huggingface", "ollama"]


@pytest.fixture(params=[False, True], ids=["public-only", "private-too"])
def policy(request: pytest.FixtureRequest) -> Iterator[AddressPolicy]:
    yield from _adopted(AddressPolicy(allows_private=request.param))


@pytest.fixture
def public_only() -> Iterator[AddressPolicy]:
    yield from _adopted(AddressPolicy())


def _adopted(policy: AddressPolicy) -> Iterator[AddressPolicy]:
    before = addresses.adopted()
    addresses.adopt(policy)
    yield policy
    addresses.adopt(before)


@pytest.mark.parametrize("url", INSIDE)
async def test_nothing_inside_is_called_unless_allowed(url: str, upstream: ScriptedUpstream, public_only: None):
    port = upstream.url.removesuffix("/v1").rpartition(":")[2]
    found = await probe(Target("P", "openai", url.format(port=port)), limit_s=3, resolver=_names(url))
    assert (found.trouble, found.error) == (Trouble.FORBIDDEN_ADDRESS, PRIVATE)
    assert upstream.count == 0


@pytest.mark.parametrize("url", NEVER_EVER)
async def test_metadata_and_link_local_addresses_are_never_called(url: str, policy: AddressPolicy):
    found = await probe(Target("P", "openai", url), limit_s=3, resolver=_names(url))
    assert (found.trouble, found.error) == (Trouble.FORBIDDEN_ADDRESS, NEVER)


def _names(url: str) -> Names | None:
    """Made-up DNS for names of examples; the machine's own, with all its spellings of numbers, for the rest."""
    return Names(**DNS) if ".example" in url else None


async def test_a_name_that_changes_its_address_is_checked_each_time(upstream: ScriptedUpstream):
    names = Names(rebinding_example=["127.0.0.1", "169.254.169.254"])
    target = Target("P", "openai", upstream.url.replace("127.0.0.1", "rebinding.example"))
    assert (await probe(target, resolver=names)).is_ok
    assert (await probe(target, resolver=names)).trouble is Trouble.FORBIDDEN_ADDRESS
    assert names.asked == ["rebinding.example"] * 2


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_to_a_forbidden_address_is_not_followed(upstream: ScriptedUpstream, code: int):
    with ScriptedUpstream(usual=Moved(f"{upstream.url}/models", code)) as moved:
        found = await probe(Target("P", "openai", moved.url))
    assert found.trouble is Trouble.REDIRECT
    assert upstream.count == 0


@pytest.mark.parametrize("dialect", ["openai", *DIALECTS])
async def test_traffic_keeps_to_the_policy_over_every_client(dialect: str, upstream: ScriptedUpstream, public_only):
    """`openai` goes over our own connections, the others over LiteLLM's clients."""
    with pytest.raises(Exception, match=r"Private addresses are off|Connection error"):
        await _send(dialect, upstream.url)
    assert upstream.count == 0


@pytest.mark.parametrize("dialect", ["openai", *DIALECTS])
async def test_traffic_follows_no_redirect(dialect: str, upstream: ScriptedUpstream):
    with ScriptedUpstream(usual=Moved(f"{upstream.url}/chat/completions", 307)) as moved:
        with pytest.raises(Exception, match=r"redirect|Connection error"):
            await _send(dialect, moved.url)
        assert moved.count >= 1
    assert upstream.count == 0


@pytest.mark.parametrize("dialect", ["openai", *DIALECTS])
async def test_nobody_is_asked_but_the_provider(
    dialect: str, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
):
    asked, resolve = set[str](), socket.getaddrinfo

    def noted(host: str, *rest: Any, **options: Any) -> Any:
        asked.add(str(host))
        return resolve("127.0.0.1", *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    with suppress(Exception):  # the answer is OpenAI's, which some can't read
        await _send(dialect, upstream.url)
    assert upstream.count >= 1
    assert asked <= {"127.0.0.1", "localhost"}


async def test_who_sent_the_request_learns_why_it_was_refused(upstream: ScriptedUpstream, public_only: None):
    routing = Routing()
    group = GroupSpec("g", "g", Strategy.SIMPLE_SHUFFLE, (_deployment("openai", upstream.url),), retry=RetryPolicy(0))
    await routing.put(group)
    with pytest.raises(RequestFailed, match="ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS"):
        await routing.route(_call(), routing.get("g"))


def test_litellms_synchronous_clients_keep_to_it_too(upstream: ScriptedUpstream, public_only: None):
    """Tokens to renew, lists of models, providers without an async client."""
    upstream_for(_deployment("anthropic", upstream.url))
    with pytest.raises(Exception, match="Private addresses"):
        litellm.module_level_client.get(f"{upstream.url}/models")
    assert upstream.count == 0


def test_litellms_synchronous_clients_follow_no_redirect(upstream: ScriptedUpstream):
    going = Moved(f"{upstream.url}/models")
    with ScriptedUpstream(usual=going) as moved, pytest.raises(Exception, match="redirect"):
        litellm.module_level_client.get(f"{moved.url}/models")
    assert upstream.count == 0


@pytest.mark.parametrize("host", ["api.openai.com", "8.8.8.8", "vllm", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_and_names_pass(host: str):
    assert AddressPolicy().refusal_of_host(host) is None


@pytest.mark.parametrize("host", ["metadata", "METADATA.google.internal.", "instance-data"])
def test_metadata_names_never_pass(host: str):
    assert AddressPolicy(allows_private=True).refusal_of_host(host) == NEVER


async def _send(dialect: str, api_base: str) -> None:
    deployment = _deployment(dialect, api_base)
    attempt = Attempt("d", "d", "P", "g", 1, 0.0)
    await upstream_for(deployment).send(_call(), deployment, RetryPolicy(timeout_s=5), attempt)


def _deployment(dialect: str, api_base: str) -> DeploymentSpec:
    options = (("api_version", "2024-10-21"),) if dialect == "azure" else ()
    key = Secret("key-of-a-test")
    return DeploymentSpec("d", "d", "P", dialect, "some/model", api_base=api_base, api_key=key, options=options)


def _call() -> Call:
    return Call("chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}, Trace("t", "g"))
