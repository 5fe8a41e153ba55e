"""Chat clients over an Anthropic upstream: requests, whole answers, and streams, against golden files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.anthropic.answer import answer
from engine.dialects.anthropic.chunks import ChatChunks
from engine.dialects.anthropic.request import HANDLED, Asked, request
from engine.dialects.translation import Untranslatable
from engine.upstreams.tokens import Usage
from tests.dialects import golden_files
from tests.dialects.golden_files import agrees, case_of, cases, events, read, sse

PAIR = "chat-over-messages"
CREATED = 1_700_000_000
MODEL = "claude-sonnet-4-5"
HI = [{"role": "user", "content": "Hello"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "index", "text"]), inner),
    max_leaves=8,
)


def asked_of(path: Path) -> Asked:
    chat = read(path.with_name("asked.json"))
    return request(chat, chat["model"])


def schema_tool_of(path: Path) -> str | None:
    return asked_of(path).schema_tool if path.with_name("asked.json").exists() else None


@pytest.mark.parametrize("path", cases(PAIR, "asked.json"), ids=case_of)
def test_a_chat_request_becomes_this_request_of_messages(path: Path):
    made = asked_of(path)
    agrees(path.with_name("sent.json"), {"body": made.body, "dropped": list(made.dropped)})


@pytest.mark.parametrize("path", cases(PAIR, "got.json"), ids=case_of)
def test_an_answer_becomes_this_chat_answer(path: Path):
    agrees(path.with_name("given.json"), answer(read(path), created=CREATED, schema_tool=schema_tool_of(path)))


@pytest.mark.parametrize("path", cases(PAIR, "got.sse"), ids=case_of)
def test_a_stream_becomes_these_chunks(path: Path):
    chunks = ChatChunks(created=CREATED, schema_tool=schema_tool_of(path))
    agrees(path.with_name("given.sse"), sse([chunk for event in events(path) for chunk in chunks.event(event)]))
    assert chunks.is_done == ("message_stop" in path.read_text())


def whole(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The message that a client puts together from chunks."""
    said: dict[str, Any] = {"content": "", "reasoning_content": "", "tool_calls": {}, "thinking_blocks": []}
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            said["content"] += delta.get("content") or ""
            said["reasoning_content"] += delta.get("reasoning_content") or ""
            said["thinking_blocks"] += delta.get("thinking_blocks", [])
            for call in delta.get("tool_calls", ()):
                known = said["tool_calls"].setdefault(call["index"], {"id": call.get("id"), "arguments": ""})
                known["arguments"] += call["function"]["arguments"]
                known["name"] = call["function"].get("name") or known["name"]
            said["finish"] = choice["finish_reason"]
        said["usage"] = chunk.get("usage")
    return said


@pytest.mark.parametrize("path", [p for p in cases(PAIR, "got.sse") if p.with_name("got.json").exists()], ids=case_of)
def test_a_stream_says_what_its_chunks_say_one_by_one(path: Path):
    chunks = ChatChunks(created=CREATED, schema_tool=schema_tool_of(path))
    said = whole([chunk for event in events(path) for chunk in chunks.event(event)])
    assert Usage.of(said["usage"])
    for call in said["tool_calls"].values():
        assert isinstance(json.loads(call["arguments"]), dict)


def test_the_tokens_of_the_cache_are_part_of_the_input():
    path = golden_files.ROOT / PAIR / "plain" / "given.json"
    assert Usage.of(read(path)["usage"]) == Usage(24, 6, 30, cached_tokens=7, cache_write_tokens=5)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": HI, "n": 2}, "n"),
        ({"messages": HI, "functions": [{"name": "f"}]}, "functions"),
        ({"messages": HI, "modalities": ["text", "audio"]}, "modalities"),
        ({"messages": HI, "tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools[0]"),
        ({"messages": HI, "tools": {"a": 1}}, "tools"),
        ({"messages": HI, "tools": [{"function": {"name": "f"}}], "tool_choice": {"type": "custom"}}, "tool_choice"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [*HI, {"role": "alien", "content": "x"}]}, "messages[1].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages[0].content[0]",
        ),
        ({"messages": [*HI, {"role": "assistant", "tool_calls": [5]}]}, "messages[1].tool_calls"),
    ],
)
def test_what_anthropic_cannot_do_names_its_parameter(body: dict[str, Any], param: str):
    with pytest.raises(Untranslatable) as caught:
        request(body, MODEL)
    assert caught.value.param == param


@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON.filter(lambda value: value is not None), max_size=5))
def test_every_parameter_without_a_rule_is_reported(extra: dict[str, Any]):
    unknown = {name: value for name, value in extra.items() if name not in HANDLED and name != "functions"}
    made = request({"messages": HI, **unknown}, MODEL)
    assert set(made.dropped) == set(unknown)
    assert set(made.body) == {"model", "max_tokens", "messages"}


@pytest.mark.parametrize("tier", [{}, [], 1, "flex"])
def test_a_tier_of_service_that_anthropic_does_not_know_is_reported(tier: object):
    asked = request({"messages": HI, "service_tier": tier}, "claude-sonnet-4-5")
    assert ("service_tier" in asked.dropped, "service_tier" in asked.body) == (True, False)


@pytest.mark.parametrize(("user", "reported"), [("other", ("user",)), ("u-1", ())])
def test_of_two_names_of_the_user_the_newer_goes_and_the_older_is_reported_if_it_is_another(user: str, reported: Any):
    made = request(
        {"messages": [{"role": "user", "content": "hi"}], "safety_identifier": "u-1", "user": user}, "claude-sonnet-4-5"
    )
    assert (made.body["metadata"], made.dropped) == ({"user_id": "u-1"}, reported)


def test_a_limit_of_the_model_is_kept():
    assert request({"messages": HI, "max_tokens": 64000}, MODEL, most_output_tokens=16384).body["max_tokens"] == 16384
    effort = request({"messages": HI, "reasoning_effort": "high"}, MODEL, most_output_tokens=10000).body
    assert (effort["max_tokens"], effort["thinking"]["budget_tokens"]) == (10000, 7500)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(
                    [
                        "message_start",
                        "content_block_start",
                        "content_block_delta",
                        "content_block_stop",
                        "message_delta",
                        "message_stop",
                    ]
                )
            },
            optional={"index": JSON, "delta": JSON, "content_block": JSON, "message": JSON, "usage": JSON},
        ),
        max_size=6,
    )
)
def test_no_event_breaks_a_stream(odd: list[dict[str, Any]]):
    chunks = ChatChunks(created=CREATED)
    assert all(isinstance(chunk, dict) for event in odd for chunk in chunks.event(event))


@given(JSON, JSON, JSON)
def test_no_answer_breaks_the_reader(content: object, usage: object, reason: object):
    made = answer({"content": content, "usage": usage, "stop_reason": reason}, created=CREATED)
    assert made["choices"][0]["finish_reason"]
