"""What a provider needs beside address and key arrives there, on the wire, through LiteLLM."""

from __future__ import annotations

import base64
import gzip
import json
import time
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import litellm
import pytest

from engine import limits
from engine.faults.scenarios import Scenario
from engine.ledger import Attempt, Trace
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Workload
from engine.spec import DeploymentSpec, RetryPolicy, Secret
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call
from engine.upstreams.connections import close_session
from engine.upstreams.through_litellm import LiteLLMUpstream
from engine.upstreams.upstream_failure import UpstreamFailure
from tests.engine.direct_calls import Whole
from tests.engine.scripted import deployment, group
from tests.fakes import Exchange, ScriptedUpstream

OPENAI = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "pong"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}
OLLAMA = {"model": "m", "message": {"role": "assistant", "content": "pong"}, "done": True, "done_reason": "stop"}


@dataclass(frozen=True)
class Reply:
    """Always this JSON."""

    body: dict[str, Any]

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(200, self.body)


async def ask(spec: DeploymentSpec, **steering: Any) -> bytes:
    return (await answer_of(spec, {}, **steering)).body


async def answer_of(spec: DeploymentSpec, headers: dict[str, str], **steering: Any) -> Answer:
    body = {"messages": [{"role": "user", "content": "ping"}], **steering}
    is_stream = bool(steering.get("stream"))
    call = Call("chat/completions", body, Trace("r", "g"), is_stream=is_stream, headers=headers)
    attempt = Attempt(spec.deployment_id, spec.name, spec.provider, "g", 1, time.time())
    try:
        answer = await LiteLLMUpstream().send(call, spec, RetryPolicy(timeout_s=60, first_token_timeout_s=60), attempt)
    finally:
        await close_session()
    assert isinstance(answer, Answer)
    return answer


ENDED_BY_AN_ERROR = {
    "with its object": {"finish_reason": "error", "error": {"code": 429, "message": "The worker broke."}},
    "without one": {"finish_reason": "error"},
}


@pytest.mark.parametrize("end", ENDED_BY_AN_ERROR.values(), ids=ENDED_BY_AN_ERROR)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("provider_type", ["azure", "mistral"])
async def test_a_whole_answer_that_ended_with_an_error_is_a_failure(
    upstream: ScriptedUpstream, provider_type: str, indent: int | None, end: dict[str, Any]
) -> None:
    body = {**OPENAI, "choices": [{"index": 0, "message": {"role": "assistant", "content": "po"}, **end}]}
    upstream.script(Whole(json.dumps(body, indent=indent).encode()))
    with pytest.raises(UpstreamFailure) as caught:
        await ask(deployment("d", provider_type=provider_type, api_base=upstream.url, api_key=Secret("key-of-a-test")))
    assert failures.status_of(caught.value) == (429 if "error" in end else 500)
    assert "pong" not in failures.message_of(caught.value)


async def test_an_answer_that_speaks_of_errors_is_none(upstream: ScriptedUpstream) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"error": "pong"}'}}
    message = {"role": "assistant", "content": '{"error": {"code": 500}}', "tool_calls": [call]}
    body = {**OPENAI, "error": None, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    upstream.script(Whole(json.dumps(body, indent=1).encode()))
    fields = {"api_base": upstream.url, "api_key": Secret("key-of-a-test")}
    assert b"pong" in await ask(deployment("d", provider_type="azure", **fields))


async def test_a_long_answer_that_ended_with_an_error_is_a_failure_too(upstream: ScriptedUpstream) -> None:
    choice = {"finish_reason": "error", "index": 0, "message": {"role": "assistant", "content": "po" * 40_000}}
    upstream.script(Whole(json.dumps({**OPENAI, "choices": [choice]}).encode()))
    with pytest.raises(UpstreamFailure) as caught:
        await ask(deployment("d", provider_type="azure", api_base=upstream.url, api_key=Secret("key-of-a-test")))
    assert failures.status_of(caught.value) == 500


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": partial(gzip.compress, compresslevel=1),
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
}


@pytest.mark.parametrize("packing", PACKINGS)
async def test_an_answer_is_read_however_it_is_packed(upstream: ScriptedUpstream, packing: str) -> None:
    upstream.script(Whole(PACKINGS[packing](json.dumps(OPENAI).encode()), headers={"Content-Encoding": packing}))
    fields = {"api_base": upstream.url, "api_key": Secret("key-of-a-test")}
    assert b"pong" in await ask(deployment("d", provider_type="azure", **fields))


@pytest.mark.parametrize("packing", ["gzip, gzip", "gzip, identity", "br"])
async def test_an_answer_in_a_packing_that_was_not_asked_for_is_not_read(
    upstream: ScriptedUpstream, packing: str
) -> None:
    upstream.script(Whole(gzip.compress(json.dumps(OPENAI).encode()), headers={"Content-Encoding": packing}))
    fields = {"api_base": upstream.url, "api_key": Secret("key-of-a-test")}
    with pytest.raises(UpstreamFailure, match="a content encoding that was not asked for") as caught:
        await ask(deployment("d", provider_type="azure", **fields))
    assert caught.value.error_class == "UnreadableAnswerError"


@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_error_that_is_too_large_keeps_its_status(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, is_stream: bool
) -> None:
    body = b'{"error": {"message": "Slow down."}}' + b" \n" * 6_000_000
    upstream.script(Whole(body, status=429, headers={"Retry-After": "7"}))
    fields = {"api_base": upstream.url, "api_key": Secret("key-of-a-test")}
    monkeypatch.setattr(limits, "_adopted", limits.Limits(answer_mb=1))
    with pytest.raises(UpstreamFailure) as caught:
        await ask(deployment("d", provider_type="azure", **fields), stream=is_stream)
    assert (caught.value.error_class, caught.value.retry_after_s) == ("RateLimitError", 7)


@pytest.mark.parametrize(
    ("is_stream", "why"), [(False, "4 MB (setting MAX_ANSWER_MB)"), (True, "an event larger than 16 MB")]
)
@pytest.mark.parametrize("packing", PACKINGS)
async def test_an_answer_that_unpacks_to_more_than_the_limit_is_not_read_to_its_end(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, packing: str, is_stream: bool, why: str
) -> None:
    raw = json.dumps(OPENAI).replace("pong", "a" * 20_000_000).encode()
    upstream.script(Whole(PACKINGS[packing](raw), headers={"Content-Encoding": packing}))
    fields = {"api_base": upstream.url, "api_key": Secret("key-of-a-test")}
    monkeypatch.setattr(limits, "_adopted", limits.Limits(answer_mb=4))
    with pytest.raises(UpstreamFailure) as caught:
        await ask(deployment("d", provider_type="azure", **fields), stream=is_stream)
    assert caught.value.error_class == "UnreadableAnswerError"
    assert why in failures.message_of(caught.value)


async def test_azure_is_asked_with_the_version_of_its_api(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(OPENAI))
    fields = {"api_base": upstream.url.removesuffix("/v1"), "api_key": Secret("azure-key-of-a-test")}
    spec = deployment("d", provider_type="azure", options=(("api_version", "2024-10-21"),), **fields)
    assert b"pong" in await ask(spec, api_version="1999-01-01")
    (seen,) = upstream.seen
    assert seen.path == "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    assert seen.headers["api-key"] == "azure-key-of-a-test"


async def test_bedrock_is_signed_with_both_keys_for_its_region(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(CONVERSE))
    pair = {"aws_access_key_id": Secret("AKIAOFATEST"), "aws_secret_access_key": Secret("the-secret-half")}
    spec = deployment(
        "d",
        provider_type="bedrock",
        upstream_model="amazon.nova-lite-v1:0",
        api_base=upstream.url.removesuffix("/v1"),
        options=(("aws_region_name", "eu-central-1"),),
        credentials=tuple(pair.items()),
    )
    assert b"pong" in await ask(spec, aws_region_name="us-east-1")
    (seen,) = upstream.seen
    assert seen.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAOFATEST/")
    assert "/eu-central-1/bedrock/" in seen.headers["authorization"]
    assert "the-secret-half" not in f"{seen.headers}{seen.body}"


async def test_titan_is_asked_for_numbers_where_the_client_wants_them_in_base64(upstream: ScriptedUpstream) -> None:
    """LiteLLM makes bits of them there, and OpenAI's client always asks for base64."""
    numbers = [0.5, -1.25, 3.0]
    upstream.script(Reply({"embedding": numbers, "embeddingsByType": {"float": numbers}, "inputTextTokenCount": 2}))
    spec = deployment(
        "d",
        provider_type="bedrock",
        upstream_model="amazon.titan-embed-text-v2:0",
        api_base=upstream.url.removesuffix("/v1"),
        options=(("aws_region_name", "eu-central-1"),),
        credentials=(
            ("aws_access_key_id", Secret("AKIAOFATEST")),
            ("aws_secret_access_key", Secret("the-secret-half")),
        ),
    )
    call = Call("embeddings", {"input": "ping", "encoding_format": "base64"}, Trace("r", "g"))
    attempt = Attempt(spec.deployment_id, spec.name, spec.provider, "g", 1, time.time())
    try:
        answer = await LiteLLMUpstream().send(call, spec, RetryPolicy(timeout_s=60), attempt)
    finally:
        await close_session()
    assert isinstance(answer, Answer)
    assert (upstream.seen[0].body["embeddingTypes"], attempt.dropped_params) == (["float"], ())
    [row] = json.loads(answer.body)["data"]
    assert array("f", base64.b64decode(row["embedding"])).tolist() == numbers


@pytest.mark.parametrize(("kind", "said"), [("bedrock", CONVERSE), ("xai", OPENAI)])
async def test_tracing_goes_to_the_provider_and_its_limits_come_back(
    upstream: ScriptedUpstream, kind: str, said: dict[str, Any]
) -> None:
    given = {"traceparent": "00-0af7651916cd43dd-b7ad6b71-01", "idempotency-key": "job-7", "anthropic-beta": "x"}
    upstream.script(Whole(said, headers={"x-request-id": "theirs", "x-ratelimit-remaining-requests": "7"}))
    pair = {"aws_access_key_id": Secret("AKIAOFATEST"), "aws_secret_access_key": Secret("the-secret-half")}
    spec = deployment(
        "d",
        provider_type=kind,
        upstream_model="amazon.nova-lite-v1:0" if kind == "bedrock" else "grok-4",
        api_base=upstream.url.removesuffix("/v1"),
        options=(("aws_region_name", "eu-central-1"),) if kind == "bedrock" else (),
        credentials=tuple(pair.items()) if kind == "bedrock" else (),
    )
    answer = await answer_of(spec, given)
    (seen,) = upstream.seen
    passed = {name: seen.headers.get(name) for name in given}
    assert passed == {**given, "anthropic-beta": None}
    back = {b"x-upstream-request-id": b"theirs", b"x-upstream-ratelimit-remaining-requests": b"7"}
    assert dict(answer.headers) == back


async def test_ollama_is_asked_for_a_chat(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(OLLAMA))
    spec = deployment("d", provider_type="ollama", upstream_model="llama3", api_base=upstream.url.removesuffix("/v1"))
    assert b"pong" in await ask(spec)
    assert upstream.seen[0].path == "/api/chat"


async def test_tools_reach_the_provider(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(OLLAMA))
    spec = deployment("d", provider_type="ollama", upstream_model="llama3", api_base=upstream.url.removesuffix("/v1"))
    tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    assert b"pong" in await ask(spec, tools=[tool])
    assert upstream.seen[0].body["tools"] == [tool]


def clients() -> set[str]:
    """LiteLLM's clients of the running event loop, by the names it keeps them under."""
    cache = litellm.in_memory_llm_clients_cache
    return {key for key in cache.cache_dict if key.endswith(cache.update_cache_key_with_event_loop(""))}


async def test_a_loop_that_ends_leaves_no_client_of_litellm_behind(upstream: ScriptedUpstream) -> None:
    upstream.script(Reply(OLLAMA), Reply(OLLAMA))
    spec = deployment("d", provider_type="ollama", upstream_model="llama3", api_base=upstream.url.removesuffix("/v1"))
    call = Call("chat/completions", {"messages": [{"role": "user", "content": "ping"}]}, Trace("r", "g"))
    attempt = Attempt("d", "d", "p", "g", 1, time.time())
    await LiteLLMUpstream().send(call, spec, RetryPolicy(timeout_s=60), attempt)
    assert clients()
    await close_session()
    assert not clients()
    assert b"pong" in await ask(spec)


def test_no_secret_leaves_for_the_worker_of_rehearsals() -> None:
    spec = deployment(
        "d", api_key=Secret("key-1"), options=(("a", "option-1"),), credentials=(("b", Secret("secret-1")),)
    )
    job = Job((group(deployments=(spec,)),), Workload(), Scenario("calm", "nothing happens"), seed=1)
    described = job.to_json()
    assert not [word for word in ("key-1", "option-1", "secret-1") if word in str(described)]
    bare = replace(spec, api_key=None, options=(), credentials=())
    assert Job.from_json(described).spec.deployments == (bare,)
