"""Gemini takes a call of a tool back only with the signature that it had, directly and through LiteLLM."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from engine.dialects.gemini_signatures import UNSIGNED, with_signatures
from engine.ledger import Attempt, Trace
from engine.spec import DeploymentSpec, RetryPolicy, Secret, Unsupported
from engine.upstreams import quirks, through_litellm
from engine.upstreams.call import Answer, Call
from engine.upstreams.choose import obstacle, upstream_for
from engine.upstreams.connections import close_session
from engine.upstreams.direct import OpenAISpeech
from engine.upstreams.messages import ChatOverMessagesSpeech
from engine.upstreams.responses import ChatOverResponsesSpeech
from tests.engine.direct_calls import upstream_of_a_test
from tests.engine.scripted import deployment
from tests.fakes import Exchange, ScriptedUpstream

SIGNATURE = "c2lnbmVk/by+Z29vZ2xl="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
ARGUMENTS = {"city": "Paris"}
HI = {"role": "user", "content": "Hi"}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}
FIRST: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": [HI], "tools": [{"type": "function", "function": FUNCTION}]},
    "messages": {
        "messages": [HI],
        "max_tokens": 50,
        "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}],
    },
    "responses": {"input": [HI], "tools": [{"type": "function", **FUNCTION}]},
}


SIGNED_CALL: dict[str, Any] = {
    "id": "c",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
    "extra_content": {"google": {"thought_signature": SIGNATURE}},
}
SIGNED_TEXT = {"role": "assistant", "content": "Hello", "extra_content": SIGNED_CALL["extra_content"]}
SIGNED_PART = {"type": "text", "text": "Hello", "extra_content": SIGNED_CALL["extra_content"]}


TURNS: list[dict[str, Any]] = [
    HI,
    SIGNED_TEXT,
    HI,
    {"role": "assistant", "content": [SIGNED_PART], "tool_calls": [SIGNED_CALL]},
    {"role": "tool", "tool_call_id": "c", "content": ""},
]


@pytest.mark.parametrize(
    ("provider_type", "model", "is_elsewhere"),
    [
        ("gemini", "gemini-3-pro-preview", False),
        ("gemini", "gemma-4-27b", False),
        ("openrouter", "google/gemini-3-pro", False),
        ("openrouter", "anthropic/claude-sonnet-5", True),
        ("openai", "gemini-3-pro-preview", False),
        ("openai", "gpt-5.1", True),
        ("azure", "gpt-5.1", True),
        ("mistral", "mistral-large", True),
        ("together_ai", "meta-llama/Llama-4-Scout", True),
        ("fireworks_ai", "accounts/fireworks/models/kimi-k2", True),
        ("deepinfra", "google/gemini-3.5-flash", False),
        ("deepinfra", "google/gemma-3-27b-it", True),
        ("perplexity", "sonar", True),
        ("hosted_vllm", "qwen3", True),
    ],
)
@pytest.mark.parametrize("router", ["direct", "litellm"])
def test_who_makes_signatures_gets_them_back_and_nobody_else(
    router: str, provider_type: str, model: str, *, is_elsewhere: bool
):
    place = deployment("d", provider_type=provider_type, upstream_model=model, unsupported=Unsupported.REFUSE)
    place = replace(place, api_base="https://proxy.example.com/v1", dialects=frozenset({"chat"}))
    call = Call("chat/completions", {"model": "g", "messages": TURNS}, Trace("r", "g"))
    assert obstacle(call, place) is None
    told, dropped = sent_to(call, place) if router == "direct" else sent_to_litellm(call, place)
    assert ("extra_content" not in json.dumps(told)) is is_elsewhere
    assert ("messages.extra_content" in dropped) is is_elsewhere
    assert [message["role"] for message in told] == [message["role"] for message in TURNS]
    assert told[1]["content"] == "Hello"
    assert told[3]["tool_calls"][0]["function"] == SIGNED_CALL["function"]


def sent_to(call: Call, place: DeploymentSpec) -> tuple[list[Any], tuple[str, ...]]:
    request = OpenAISpeech().request(call, place)
    assert isinstance(request.body, bytes)
    return json.loads(request.body)["messages"], request.dropped


def sent_to_litellm(call: Call, place: DeploymentSpec) -> tuple[list[Any], tuple[str, ...]]:
    return through_litellm._arguments(call, place, RetryPolicy())["messages"], through_litellm._dropped(call, place)


@pytest.mark.parametrize("base_model", ["gemini-3-pro-preview", ""])
def test_a_model_of_google_under_another_name_is_known_by_its_base_model(base_model: str):
    place = deployment("d", api_base="https://proxy.example.com/v1", upstream_model="fast", base_model=base_model)
    call = Call("chat/completions", {"model": "g", "messages": TURNS}, Trace("r", "g"))
    told, _ = sent_to(call, place)
    assert ("extra_content" in json.dumps(told)) is bool(base_model)


def test_a_proxy_of_google_gets_signatures_from_ids_and_no_marks():
    place = deployment("d", provider_type="openrouter", api_base="https://proxy.example.com/v1")
    place = replace(place, upstream_model="google/gemini-3-pro", dialects=frozenset({"chat"}))
    calls = [{"id": f"c__thought__{SIGNATURE}"}, {"id": "other"}]
    [_, message] = quirks.fitted({"messages": called(*calls)}, place, is_translated=True)["messages"]
    signed, other = message["tool_calls"]
    assert (signed["id"], signed["extra_content"]) == ("c", SIGNED_CALL["extra_content"])
    assert other == {"id": "other"}


@pytest.mark.parametrize("speech", [ChatOverMessagesSpeech(), ChatOverResponsesSpeech()])
def test_other_protocols_have_no_signatures_of_google_and_say_so(speech: Any):
    call = Call("chat/completions", {"model": "g", "messages": TURNS}, Trace("r", "g"))
    request = speech.request(call, deployment("d", api_base="https://proxy.example.com/v1"))
    assert b"extra_content" not in request.body
    assert "messages.extra_content" in request.dropped


class Signing:
    """Google's API in both forms: calls a tool, and answers its result if the signature has come back."""

    def __init__(self) -> None:
        self.got: list[str] = []

    async def play(self, exchange: Exchange) -> None:
        is_native = "enerateContent" in exchange.path
        self.got = (_native_signatures if is_native else _signatures)(exchange.body)
        await (_native if is_native else _compatible)(exchange)


def _signatures(body: dict[str, Any]) -> list[str]:
    calls = [call for message in body["messages"] for call in message.get("tool_calls") or ()]
    assert all("__thought__" not in call["id"] for call in calls)
    return [call["extra_content"]["google"]["thought_signature"] for call in calls if "extra_content" in call]


def _native_signatures(body: dict[str, Any]) -> list[str]:
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]


async def _native(exchange: Exchange) -> None:
    part = {"functionCall": {"name": "f", "args": ARGUMENTS}, "thoughtSignature": SIGNATURE}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    counts = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    said = {"candidates": [candidate], "usageMetadata": counts}
    await _send(exchange, said, [said], is_stream="stream" in exchange.path)


async def _compatible(exchange: Exchange) -> None:
    call = {
        "index": 0,
        "id": "function-call-1",
        "type": "function",
        "function": {"name": "f", "arguments": json.dumps(ARGUMENTS)},
        "extra_content": {"google": {"thought_signature": SIGNATURE}},
    }
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    head = {"id": "c", "created": 1, "model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    whole = {**head, "choices": [{"index": 0, "message": said, "finish_reason": "tool_calls"}]}
    chunk = {**head, "choices": [{"index": 0, "delta": said, "finish_reason": "tool_calls"}]}
    await _send(exchange, whole, [chunk], is_stream=exchange.is_stream)


async def _send(exchange: Exchange, whole: Any, events: list[Any], *, is_stream: bool) -> None:
    if not is_stream:
        await exchange.answer(200, whole)
        return
    exchange.start_stream()
    for event in events:
        await exchange.event(json.dumps(event))
    await exchange.event("[DONE]")
    await exchange.end_stream()


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


def place(upstream: ScriptedUpstream, dialect: str) -> DeploymentSpec:
    base = upstream.url if dialect == "chat" else upstream.url.removesuffix("/v1")
    spec = deployment("a", provider_type="gemini", api_base=base, upstream_model="gemini-3-pro-preview")
    return replace(spec, dialects=frozenset({dialect}), api_key=Secret("key"))


async def said(spec: DeploymentSpec, endpoint: Any, body: dict[str, Any], *, is_stream: bool) -> bytes:
    """What the client gets."""
    call = Call(endpoint, {"model": "g", **body, **({"stream": True} if is_stream else {})}, Trace("r", "g"), is_stream)
    attempt = Attempt(spec.deployment_id, spec.name, spec.provider, "g", 1, time.time())
    try:
        got = await upstream_for(spec, endpoint).send(call, spec, RetryPolicy(timeout_s=60), attempt)
        return got.body if isinstance(got, Answer) else b"".join([piece async for piece in got])
    finally:
        await close_session()


def second(endpoint: str, answer: bytes, *, is_stream: bool) -> dict[str, Any]:
    """The next request as clients make it: the call with its id, name and arguments, and nothing else of it."""
    id = _id_in(endpoint, answer, is_stream=is_stream)
    first, given = FIRST[endpoint], json.dumps(ARGUMENTS)
    if endpoint == "messages":
        used = {"type": "tool_use", "id": id, "name": "f", "input": ARGUMENTS}
        result = {"type": "tool_result", "tool_use_id": id, "content": "sunny"}
        more = [{"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
        return {**first, "messages": [HI, *more]}
    if endpoint == "responses":
        call = {"type": "function_call", "call_id": id, "name": "f", "arguments": given}
        return {**first, "input": [HI, call, {"type": "function_call_output", "call_id": id, "output": "sunny"}]}
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": given}}]
    answered = {"role": "tool", "tool_call_id": id, "content": "sunny"}
    return {**first, "messages": [HI, {"role": "assistant", "content": None, "tool_calls": calls}, answered]}


def _id_in(endpoint: str, answer: bytes, *, is_stream: bool) -> str:
    """The id of the one call in an answer."""
    events = [line[5:] for line in answer.split(b"\n") if line.startswith(b"data:") and b"[DONE]" not in line]
    found: list[str] = []
    for fields in map(json.loads, events if is_stream else [answer]):
        found += _ids(fields, "call_id" if endpoint == "responses" else "id")
    return next(id for id in found if id.startswith(("call_", "function-call-")))


def _ids(value: Any, name: str) -> list[str]:
    if isinstance(value, dict):
        own = [value[name]] if isinstance(value.get(name), str) else []
        return own + [id for one in value.values() for id in _ids(one, name)]
    return [id for one in value for id in _ids(one, name)] if isinstance(value, list) else []


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("endpoint", FIRST)
@pytest.mark.parametrize("dialect", ["chat", "litellm"])
async def test_a_call_goes_back_with_its_signature(upstream, dialect: str, endpoint: str, is_stream: bool):
    upstream.usual = signing = Signing()
    spec = place(upstream, dialect)
    answer = await said(spec, endpoint, FIRST[endpoint], is_stream=is_stream)
    await said(spec, endpoint, second(endpoint, answer, is_stream=is_stream), is_stream=is_stream)
    # A client of chat gets Google's own bytes: one that sends back no more than the call has lost the signature.
    lost = dialect == "chat" and endpoint == "chat/completions"
    assert signing.got == [UNSIGNED if lost else SIGNATURE]


def called(*calls: dict[str, Any]) -> list[dict[str, Any]]:
    return [HI, {"role": "assistant", "content": None, "tool_calls": list(calls)}]


def test_a_signature_that_a_client_of_chat_sends_back_stays():
    sent = called({"id": "1", "extra_content": {"google": {"thought_signature": "s"}}}, {"id": "2"})
    assert with_signatures(sent, "gemini-3-pro") == sent


def test_of_parallel_calls_only_the_first_is_marked_as_unsigned():
    [_, message] = with_signatures(called({"id": "1"}, {"id": "2"}), "gemini-flash-latest")
    first, other = message["tool_calls"]
    assert first == {"id": "1", "extra_content": {"google": {"thought_signature": UNSIGNED}}}
    assert other == {"id": "2"}


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-1.5-flash", "models/gemini-2.0-flash"])
def test_older_models_get_no_mark(model: str):
    assert with_signatures(called({"id": "1"}), model) == called({"id": "1"})


@pytest.mark.parametrize("odd", [None, "x", [1, None, {"tool_calls": 7}, {"tool_calls": [1, {"id": 7}]}], [{}]])
def test_odd_shapes_do_no_harm(odd: Any):
    assert with_signatures(odd, "gemini-2.5-pro") == odd
    with_signatures(odd, "gemini-3-pro")
