"""Own keys over real sockets: the upstream shows which key each request was made with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.fakes import ScriptedUpstream, Status
from tests.gateway.conftest import Stage
from tests.servers import becomes

HI: Any = [{"role": "user", "content": "hi"}]
SYSTEM, OWN = "Bearer sk-upstream-of-a-test", "Bearer sk-own-of-a-test-123456"
_numbers = itertools.count(1)
MakeGroup = Callable[..., str]
Bring = Callable[..., Any]


@pytest.fixture
def upstream(stage: Stage) -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture
def provider(upstream: ScriptedUpstream) -> str:
    return f"Scripted {upstream.number}"


@pytest.fixture
def group(stage: Stage, upstream: ScriptedUpstream, provider: str, make_group: MakeGroup) -> str:
    """A group over the upstream that shows its keys, then over one that nobody has keys for."""
    model = stage.console.add_model(provider=provider, api_base=upstream.url)
    return make_group(model, stage.models[0], retry_config={"num_retries": 0, "timeout_s": 10})


@pytest.fixture
def person(stage: Stage) -> str:
    """A new viewer; returns the username."""
    name = f"bringer-{next(_numbers)}"
    account = {"username": name, "role": "viewer", "password": "a long enough password"}
    stage.console.call("POST", "/api/v1/llm/users", account)
    return name


@pytest.fixture
def client(stage: Stage, person: str) -> OpenAI:
    """What the person calls models with."""
    issued = stage.console.call("POST", "/api/v1/llm/keys", {"name": "test", "owner": person})
    return OpenAI(base_url=f"{stage.console.url}/v1", api_key=issued["key"], max_retries=0, timeout=30)


@pytest.fixture
def bring(stage: Stage, client: OpenAI, provider: str) -> Bring:
    """The person's calls of `/users/me/byok`; the gateway knows what they changed when it returns."""

    def call(method: str, **body: Any) -> Any:
        url, headers = f"{stage.console.url}/api/v1/llm/users/me/byok", {"Authorization": f"Bearer {client.api_key}"}
        answer = httpx.request(method, url, json={"provider": provider, **body}, headers=headers, timeout=30)
        assert answer.is_success, answer.text
        return answer.json()

    return call


def store(bring: Bring, **settings: Any) -> None:
    bring("POST", api_key=OWN.removeprefix("Bearer "), **settings)


def keys_seen(upstream: ScriptedUpstream) -> list[str]:
    return [exchange.headers["authorization"] for exchange in upstream.seen]


def key_used(client: OpenAI, group: str, upstream: ScriptedUpstream) -> str:
    client.chat.completions.create(model=group, messages=HI)
    return keys_seen(upstream)[-1]


def test_requests_use_the_persons_key_from_now_on_and_the_systems_again_when_it_is_forgotten(
    stage: Stage, client: OpenAI, bring: Bring, group: str, upstream: ScriptedUpstream
):
    assert key_used(client, group, upstream) == SYSTEM
    store(bring)
    becomes(lambda: key_used(client, group, upstream), OWN)
    assert key_used(stage.client, group, upstream) == SYSTEM, "somebody else's requests never do"
    bring("DELETE")
    becomes(lambda: key_used(client, group, upstream), SYSTEM)


def test_a_stream_uses_it_too(client: OpenAI, bring: Bring, group: str, upstream: ScriptedUpstream):
    store(bring)
    becomes(lambda: key_used(client, group, upstream), OWN)
    text = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in client.chat.completions.create(model=group, messages=HI, stream=True)
        if chunk.choices
    )
    assert (text.startswith("pong"), keys_seen(upstream)[-1]) == (True, OWN)


def test_a_refused_key_falls_back_to_the_systems_if_it_may(
    stage: Stage, client: OpenAI, bring: Bring, group: str, upstream: ScriptedUpstream
):
    store(bring, may_fall_back=True)
    becomes(lambda: key_used(client, group, upstream), OWN)
    upstream.script(Status(401, message=f"Incorrect API key provided: {OWN.removeprefix('Bearer ')}"))
    raw = client.chat.completions.with_raw_response.create(model=group, messages=HI)
    assert keys_seen(upstream)[-2:] == [OWN, SYSTEM]
    refused, answered = stage.attempts(raw.headers["x-litellm-call-id"])
    assert (refused["status"], refused["own_key"], answered["own_key"]) == ("error", True, False)
    assert "sk-own-of" not in str(refused)


def test_a_refused_key_that_may_not_fall_back_never_costs_the_console(
    client: OpenAI, bring: Bring, provider: str, stage: Stage, upstream: ScriptedUpstream, make_group: MakeGroup
):
    model = stage.console.add_model(provider=f"{provider} alone", api_base=upstream.url)
    group = make_group(model, retry_config={"num_retries": 2, "timeout_s": 10})
    bring("POST", provider=f"{provider} alone", api_key=OWN.removeprefix("Bearer "))
    becomes(lambda: key_used(client, group, upstream), OWN)
    seen = upstream.count
    upstream.script(Status(401, message="no such key"), Status(401, message="no such key"), Status(401))
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=group, messages=HI)
    assert caught.value.status_code == 403
    assert f"Your own key for {provider} alone was refused" in caught.value.message
    assert set(keys_seen(upstream)[seen:]) == {OWN}


def test_a_refused_key_is_nobody_elses_trouble(
    stage: Stage, client: OpenAI, bring: Bring, group: str, upstream: ScriptedUpstream
):
    store(bring)
    becomes(lambda: key_used(client, group, upstream), OWN)
    upstream.script(Status(401, message="no such key"))
    client.chat.completions.create(model=group, messages=HI)  # the second deployment answers
    assert key_used(stage.client, group, upstream) == SYSTEM, "the first does not cool down"


def test_requests_with_own_keys_are_counted_as_saved(
    stage: Stage, client: OpenAI, bring: Bring, person: str, group: str, upstream: ScriptedUpstream
):
    store(bring)
    becomes(lambda: key_used(client, group, upstream), OWN)
    used = keys_seen(upstream).count(OWN)

    def counted() -> list[int]:
        lines = stage.console.call("GET", f"/api/v1/llm/byok?q={person}")["users"]
        return [line["requests"] for line in lines]

    becomes(counted, [used])
