"""No parameter of a small door is dropped without a word: requests as real libraries write them, to each kind of
provider."""

from __future__ import annotations

import asyncio
import email
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.utils import get_optional_params, get_optional_params_embeddings

from engine.ledger import Trace
from engine.spec import DeploymentSpec, RetryPolicy, Secret
from engine.upstreams import choose, through_litellm
from engine.upstreams.call import TRANSCRIPTS, Call, Endpoint
from engine.upstreams.completions import as_chat
from engine.upstreams.direct import OpenAISpeech
from engine.upstreams.encoded_vectors import as_asked
from engine.upstreams.litellm_import import LiteLLMWhenNeeded
from engine.upstreams.messages import ChatOverMessagesSpeech
from engine.upstreams.responses import ChatOverResponsesSpeech
from gateway import openai, pipeline
from gateway.doors.form_reader import FormReader
from gateway.openai import ApiError
from tests.conformance.library_requests import PLAIN, TYPES, Asked, Body, values, written
from tests.engine.scripted import deployment

BASE, CHAT = "https://llm.example.com/v1", frozenset({"chat"})
COHERE = "https://api.cohere.example/compatibility/v1"
LITELLM: dict[str, Any] = {"dialects": frozenset({"litellm"}), "api_base": None}
KINDS: dict[str, dict[str, Any]] = {
    "openai": {},
    "azure": {"provider_type": "azure", "options": (("api_version", "2024-10-21"),)},
    "mistral": {"provider_type": "mistral"},
    "cohere": {"provider_type": "cohere", "api_base": COHERE},
    "gemini": {"provider_type": "gemini"},
    "ollama": {"provider_type": "ollama"},
    "anthropic": {"provider_type": "anthropic", "dialects": frozenset({"messages"})},
    "responses": {"dialects": frozenset({"responses"})},
    "litellm openai": LITELLM,
    "litellm cohere": {**LITELLM, "provider_type": "cohere", "upstream_model": "embed-english-v3.0"},
    "litellm huggingface": {**LITELLM, "provider_type": "huggingface", "upstream_model": "a/b"},
    "litellm bedrock": {**LITELLM, "provider_type": "bedrock", "upstream_model": "amazon.titan-embed-text-v2:0"},
    "litellm vertex": {**LITELLM, "provider_type": "vertex_ai", "upstream_model": "text-embedding-005"},
}
OVER_CHAT: dict[str, Any] = {"anthropic": ChatOverMessagesSpeech(), "responses": ChatOverResponsesSpeech()}
CHAT_MODELS = {
    "litellm cohere": "command-r",
    "litellm bedrock": "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "litellm vertex": "gemini-2.0-flash",
}
CASES = [
    pytest.param(door, name, id=f"{door}: {name}")
    for door, types in TYPES.items()
    for name in types
    if name not in ("model", "file")
]
# What OpenAI documents as the same as saying nothing.
USUAL = {"best_of": 1, "echo": False, "encoding_format": "float", "n": 1, "stream": False}
VECTOR = {"data": [{"embedding": [0.5]}]}
# Padding of streams is OpenAI's own, the tokens of a stream are always asked for.
NEEDS_NO_WORD = {"stream_options"}


@pytest.fixture(scope="module", autouse=True)
def litellm_is_imported() -> Iterator[None]:
    """As in a process that has asked a deployment through LiteLLM before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LiteLLMWhenNeeded, "dropped", through_litellm.LiteLLMUpstream.dropped)
        yield


def spec_of(kind: str, door: str) -> DeploymentSpec:
    fields = {"api_base": BASE, "dialects": CHAT, "api_key": Secret("key-of-a-test"), **KINDS[kind]}
    if door == "completions" and kind in CHAT_MODELS:
        fields["upstream_model"] = CHAT_MODELS[kind]
    return deployment("d", **fields)


def call_of(door: Endpoint, kind_of_body: str, raw: bytes) -> Call:
    """The call that the gateway makes of a request; raises ApiError."""
    upload = None
    if door in TRANSCRIPTS:
        form = FormReader(kind_of_body.encode())
        form.feed(raw)
        form.end()
        openai.check(form.fields, door)
        body, upload = form.fields, form.upload
    else:
        body = openai.parse(raw, door)
    call = Call(door, body, Trace("r", "g"), pipeline._is_stream(body, door))
    call.upload = upload
    return call


def sent(call: Call, kind: str) -> tuple[Any, tuple[str, ...]] | str:
    """What the provider gets, and what is reported; or the parameter because of which it is not asked."""
    spec = spec_of(kind, call.endpoint)
    if (why := choose.obstacle(call, spec)) is not None:
        return why.param
    reported = choose._dropped(call, spec)
    asked = as_chat(call) if call.endpoint == "completions" and spec.dialects != CHAT else call
    if "litellm" in spec.dialects:
        return _through_litellm(asked, spec), reported
    request = OVER_CHAT.get(kind, OpenAISpeech()).request(asked, spec)
    if isinstance(request.body, bytes):
        return json.loads(request.body), reported
    return _parts(request.headers["Content-Type"], asyncio.run(_whole(request.body))), reported


def _through_litellm(call: Call, spec: DeploymentSpec) -> Any:
    """What LiteLLM's own translation makes of its arguments."""
    given_to_it = through_litellm._arguments(call, spec, RetryPolicy())
    own = through_litellm.CHAT_PARAMS if call.is_chat else through_litellm.EMBEDDING_PARAMS
    passed = {name: value for name, value in given_to_it.items() if name in own}
    place = {"model": spec.upstream_model, "custom_llm_provider": spec.provider_type, "drop_params": True}
    made = (get_optional_params if call.is_chat else get_optional_params_embeddings)(**place, **passed)
    return (
        made,
        given_to_it.get("messages"),
        given_to_it.get("input"),
        None if call.is_chat else as_asked(VECTOR, call.body),
    )


async def _whole(pieces: Any) -> bytes:
    return b"".join([piece async for piece in pieces])


def _parts(content_type: str, raw: bytes) -> list[Any]:
    """The parts of a form, read by a parser that is not ours; but for the model, which is replaced."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)
    found = [(part["content-disposition"], part.get_payload(decode=True)) for part in message.walk()][1:]
    return [(name, value) for name, value in found if 'name="model"' not in name]


def outcome(door: Any, kind: str, asked: Asked) -> Any:
    """What becomes of a request at a kind of provider: what it gets and what is reported, or why it is not asked."""
    try:
        return sent(call_of(door, *asked), kind)
    except ApiError as refusal:
        return str(refusal.fields["param"])


def said_wrongly(door: str, body: Body, name: str, *, is_alone: bool = False) -> list[str]:
    """Where a parameter of this request gets lost without a word, or is said to be left out and is not."""
    rest = {other: value for other, value in body.items() if other != name}
    asked = written(door, body)
    plainly = written(door, rest if name not in PLAIN[door] else {**rest, **PLAIN[door]})
    if name in NEEDS_NO_WORD or USUAL.get(name) == body[name] or _content(*asked) == _content(*plainly):
        return []
    found = []
    for kind in KINDS:
        came, plain = outcome(door, kind, asked), outcome(door, kind, plainly)
        if isinstance(came, str) or isinstance(plain, str):
            continue
        is_told, is_same = name in came[1], came[0] == plain[0]
        if is_same != is_told and (is_alone or is_same):
            found.append(
                f"{kind}: {name}={body[name]!r} is {'lost without a word' if is_same else 'sent and reported'}"
            )
    return found


def _content(content_type: str, raw: bytes) -> Any:
    return _parts(content_type, raw) if "boundary" in content_type else json.loads(raw)


@pytest.mark.parametrize(("door", "name"), CASES)
@given(data=st.data())
@settings(max_examples=3)
def test_a_parameter_arrives_or_is_reported(door: str, name: str, data: st.DataObject):
    body = {**PLAIN[door], name: data.draw(values(TYPES[door][name]))}
    assert not said_wrongly(door, body, name, is_alone=True)


@pytest.mark.parametrize("door", PLAIN)
@given(data=st.data())
@settings(max_examples=3)
def test_a_parameter_among_others_arrives_or_is_reported(door: str, data: st.DataObject):
    rest = {name: values(hint) for name, hint in TYPES[door].items() if name not in PLAIN[door]}
    added = data.draw(st.fixed_dictionaries({}, optional=rest))
    assert not [why for name in added for why in said_wrongly(door, {**PLAIN[door], **added}, name)]
