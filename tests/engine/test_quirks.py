"""What each kind of OpenAI's protocol wants, and what is learned from refusals, over a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.ledger import Trace
from engine.spec import DeploymentSpec, Secret, Unsupported
from engine.upstreams import asking, refusals
from engine.upstreams.call import Call
from engine.upstreams.quirks import address, fitted, for_litellm, key_header
from tests.engine.direct_calls import Whole, upstream_of_a_test
from tests.engine.scripted import deployment
from tests.engine.test_messages_upstream import ASKED, ask
from tests.fakes import ScriptedUpstream

CHAT = "chat/completions"
OK = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}
THOUGHT = {"role": "assistant", "content": "Hi.", "reasoning_content": "Hm.", "thinking_blocks": [{"type": "thinking"}]}


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with upstream_of_a_test() as server:
        yield server


def place(type: str, base: str | None = None, **fields: Any) -> DeploymentSpec:
    return deployment("a", provider_type=type, api_base=base, **fields)


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        (place("openai", "https://api.openai.com/v1/"), "https://api.openai.com/v1/chat/completions"),
        (place("ollama", "http://gpu:11434"), "http://gpu:11434/v1/chat/completions"),
        (place("ollama", "http://gpu:11434/v1"), "http://gpu:11434/v1/chat/completions"),
        (place("gemini"), "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
        (place("azure", "https://n.openai.azure.com"), "https://n.openai.azure.com/openai/v1/chat/completions"),
        (
            place("azure", "https://n.openai.azure.com", options=(("api_version", "2024-10-21"),)),
            "https://n.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        ),
        (
            place("azure", "https://n.openai.azure.com/openai/v1", options=(("api_version", "2024-10-21"),)),
            "https://n.openai.azure.com/openai/v1/chat/completions",
        ),
    ],
)
def test_a_provider_answers_at_its_own_address(spec: DeploymentSpec, url: str):
    assert address(spec, CHAT) == url


def test_a_key_is_sent_in_the_header_that_is_read():
    assert key_header(place("azure", api_key=Secret("k"))) == {"api-key": "k"}
    assert key_header(place("mistral", api_key=Secret("k"))) == {"Authorization": "Bearer k"}
    assert key_header(place("ollama")) == {}


def test_mistral_gets_its_own_names():
    body = {"messages": [], "seed": 7, "max_completion_tokens": 5, "tool_choice": "required", "user": "u", "stop": "x"}
    assert fitted(body, place("mistral"), is_translated=False) == {
        "messages": [],
        "random_seed": 7,
        "max_tokens": 5,
        "tool_choice": "any",
        "stop": "x",
    }


def test_the_request_of_a_chat_client_stays_the_same_object_where_nothing_differs():
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "seed": 7}
    assert fitted(body, place("openai"), is_translated=False) is body


BOTH = ["reasoning_content", "thinking_blocks"]


@pytest.mark.parametrize(
    ("spec", "gone"),
    [
        (place("openai"), BOTH),
        (place("openai", "https://api.openai.com/v1"), BOTH),
        (place("azure", "https://n.openai.azure.com"), BOTH),
        (place("groq"), BOTH),
        (place("mistral"), BOTH),
        (place("openai", "http://vllm:8000/v1"), ["thinking_blocks"]),
        (place("deepseek"), ["thinking_blocks"]),
        (place("huggingface"), ["thinking_blocks"]),
        (place("openrouter", upstream_model="anthropic/claude-sonnet-4.5"), []),
        (place("openai", "http://proxy:4000", upstream_model="prod", base_model="claude-opus-4-1"), []),
        (place("bedrock"), []),
        (place("openai", unsupported=Unsupported.PASS), []),
    ],
)
def test_a_chat_client_sends_a_models_thoughts_back_to_whoever_answers_next(spec: DeploymentSpec, gone: list[str]):
    """OpenAI, Azure, Groq and Mistral answer 400 to them: a conversation that Claude began could not go on there."""
    chat = {"messages": [{"role": "user", "content": "Hi"}, THOUGHT]}
    left = {name: value for name, value in THOUGHT.items() if name not in gone}
    assert fitted(chat, spec, is_translated=False)["messages"][1] == left
    assert for_litellm(chat["messages"], spec, is_translated=False)[1] == left
    call = Call("chat/completions", {"model": "m", **chat}, Trace("c", "g"))
    assert asking.dropped(call, spec) == tuple(f"messages.{name}" for name in gone)


@pytest.mark.parametrize(
    ("type", "limit"), [("openai", "max_completion_tokens"), ("hosted_vllm", "max_tokens"), ("ollama", "max_tokens")]
)
def test_a_translated_request_names_its_limit_as_the_server_knows_it(type: str, limit: str):
    made = fitted({"messages": [], "max_completion_tokens": 5}, place(type), is_translated=True)
    assert made == {"messages": [], limit: 5}


def test_thoughts_go_back_only_to_servers_that_want_them():
    body = {"messages": [THOUGHT, {"role": "user", "content": "And?"}]}
    assert fitted(body, place("openai"), is_translated=True)["messages"][0] == {"role": "assistant", "content": "Hi."}
    kept = fitted(body, place("deepseek"), is_translated=True)["messages"][0]
    assert set(kept) == {"role", "content", "reasoning_content"}
    assert for_litellm([THOUGHT], place("bedrock"), is_translated=True) == [THOUGHT]
    assert for_litellm([THOUGHT], place("huggingface"), is_translated=True) == [{"role": "assistant", "content": "Hi."}]


def refusal(name: str) -> Whole:
    return Whole({"error": {"message": f"Unrecognized request argument supplied: {name}"}}, status=400)


async def test_a_parameter_that_a_model_refuses_is_left_out_from_then_on(upstream: ScriptedUpstream):
    body = {**ASKED, "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}
    upstream.script(refusal("reasoning_effort"), Whole(OK), Whole(OK))
    said = await ask(upstream, body=body, order="b", stream=False)
    assert (said.error, said.path) == (None, "b:success")
    assert said.first.dropped_params == ("thinking",)  # the client's name
    assert json.loads(said.body)["content"][0]["text"] == "yes"
    await ask(upstream, body=body, order="b", stream=False)
    assert ["reasoning_effort" in one.body for one in upstream.seen] == [True, False, False]


async def test_a_limit_gets_its_other_name_where_the_first_is_refused(upstream: ScriptedUpstream):
    upstream.script(refusal("max_completion_tokens"), Whole(OK))
    said = await ask(upstream, order="b", stream=False)
    assert (said.error, upstream.seen[1].body["max_tokens"]) == (None, 50)


async def test_a_refusal_of_both_names_is_an_error(upstream: ScriptedUpstream):
    upstream.script(refusal("max_completion_tokens"), refusal("max_tokens"))
    said = await ask(upstream, order="b", stream=False)
    assert (said.path, upstream.count) == ("b:error", 2)


async def test_what_a_chat_client_asked_for_itself_is_never_left_out(upstream: ScriptedUpstream):
    upstream.script(refusal("reasoning_effort"))
    chat = {"messages": ASKED["messages"], "reasoning_effort": "high"}
    said = await ask(upstream, CHAT, chat, order="b", stream=False)
    assert (said.path, upstream.count) == ("b:error", 1)
    assert not refusals.of(place("openai", upstream.url))
