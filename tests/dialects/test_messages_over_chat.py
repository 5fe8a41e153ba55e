"""Clients of the Messages API over a chat upstream: requests, answers and streams, against golden files."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.anthropic.request import request
from engine.dialects.anthropic.signatures import MARK, without_marked
from engine.dialects.messages.answer import answer
from engine.dialects.messages.errors import error_body, type_of_status
from engine.dialects.messages.events import MessagesEncoder
from engine.dialects.messages.request import HANDLED, MessagesView, view
from engine.dialects.translation import Malformed
from engine.upstreams.tokens import Usage
from tests.dialects.golden_files import agrees, case_of, cases, events, read

PAIR = "messages-over-chat"
HI = [{"role": "user", "content": "Hello"}]
ASKED = {"model": "team", "max_tokens": 10, "messages": HI}
ANSWERED = ("plain", "results", "long-names", "thinking-budget", "schema")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "content", "text"]), inner),
    max_leaves=8,
)


def view_of(path: Path) -> MessagesView:
    return replace(view(read(path.with_name("asked.json"))), message_id="msg_01")


def encoded(seen: MessagesView, chunks: list[dict[str, Any]]) -> str:
    encoder = MessagesEncoder(seen)
    told = b"".join(encoder.chunk(chunk) for chunk in chunks)
    usage = next((Usage.of(chunk["usage"]) for chunk in chunks if chunk.get("usage")), None)
    return (told + encoder.end(usage)).decode()


@pytest.mark.parametrize("path", cases(PAIR, "asked.json"), ids=case_of)
def test_a_messages_request_becomes_this_chat(path: Path):
    made = view_of(path)
    obstacle = made.obstacle and {"param": made.obstacle.param, "message": made.obstacle.message}
    shown = {"chat": made.chat, "dropped": list(made.dropped), "obstacle": obstacle}
    agrees(path.with_name("sent.json"), shown | {"shows_thoughts": made.shows_thoughts})


@pytest.mark.parametrize("path", cases(PAIR, "got.json"), ids=case_of)
def test_a_chat_answer_becomes_this_message(path: Path):
    chat = read(path)
    agrees(path.with_name("given.json"), answer(view_of(path), chat, Usage.of(chat["usage"])))


@pytest.mark.parametrize("path", cases(PAIR, "got.sse"), ids=case_of)
def test_chunks_become_these_events(path: Path):
    agrees(path.with_name("given.sse"), encoded(view_of(path), events(path)))


def assembled(told: str) -> dict[str, Any]:
    """The message that a client puts together; asserts the order of events that the API promises."""
    message: dict[str, Any] = {}
    open_index: int | None = None
    for event in (event for event in told.split("\n\n") if event):
        name, _, data = event.partition("\ndata: ")
        fields = json.loads(data)
        kind = fields["type"]
        assert name == f"event: {kind}"
        assert (kind == "message_start") == (not message)
        if kind == "message_start":
            message = fields["message"]
        elif kind == "content_block_start":
            assert open_index is None
            assert fields["index"] == len(message["content"])
            open_index = fields["index"]
            message["content"].append(fields["content_block"] | {"partial": ""})
        elif kind == "content_block_delta":
            assert fields["index"] == open_index
            _add(message["content"][-1], fields["delta"])
        elif kind == "content_block_stop":
            assert fields["index"] == open_index
            open_index = None
            if partial := message["content"][-1].pop("partial"):
                message["content"][-1]["input"] = json.loads(partial)
        elif kind == "message_delta":
            assert open_index is None
            message |= fields["delta"] | {"usage": fields["usage"]}
    assert told.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')
    return message


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    name = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(delta["type"])
    if name is None:
        block["partial"] += delta["partial_json"]
    else:
        block[name] += delta[name]


TEXTS = st.text(alphabet='ab{}"\\é😀\n', min_size=1, max_size=6)
PIECES = st.lists(
    st.tuples(st.sampled_from(["content", "reasoning_content", "call 0", "call 1", "call 2"]), TEXTS), max_size=12
)


def chunks_of(pieces: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """One chunk for each piece; the arguments of a call are the JSON of a text, letter by letter."""
    made, begun = list[dict[str, Any]](), set[str]()
    for kind, text in pieces:
        if not kind.startswith("call"):
            made.append({kind: text})
            continue
        index = int(kind[-1])
        piece: dict[str, Any] = {"index": index, "function": {"arguments": text}}
        if kind not in begun:
            piece |= {"id": f"call_{index}", "function": {"name": "f", "arguments": text}}
        begun.add(kind)
        made.append({"tool_calls": [piece]})
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in made]
    return [*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]


@given(PIECES, st.booleans())
def test_interleaved_pieces_become_whole_blocks_one_after_the_other(pieces: list[tuple[str, str]], thinks: bool):
    thinking = {"thinking": {"type": "adaptive"}} if thinks else {}
    seen = view({**ASKED, **thinking})
    # Arguments here are no JSON, so they are read as they come.
    told = encoded(seen, chunks_of(pieces))
    by_kind: dict[str, str] = {}
    for event in (json.loads(event.partition("\ndata: ")[2]) for event in told.split("\n\n") if event):
        if event["type"] == "content_block_start":
            block = event["content_block"]
            key = block.get("id") or block["type"]
        elif event["type"] == "content_block_delta" and event["delta"]["type"] != "signature_delta":
            delta = event["delta"]
            by_kind[key] = by_kind.get(key, "") + str(
                delta.get("text", delta.get("thinking", delta.get("partial_json")))
            )
    wanted: dict[str, str] = {}
    names = {"content": "text", "reasoning_content": "thinking"}
    for kind, text in pieces:
        key = names.get(kind) or f"call_{kind[-1]}"
        if key != "thinking" or thinks:
            wanted[key] = wanted.get(key, "") + text
    assert by_kind == wanted


@given(
    st.lists(st.tuples(st.sampled_from(["content", "reasoning_content"]), TEXTS), min_size=1, max_size=6),
    st.data(),
)
def test_any_split_of_the_text_gives_the_same_message(pieces: list[tuple[str, str]], data: st.DataObject):
    seen = replace(view({**ASKED, "thinking": {"type": "adaptive"}}), message_id="msg_01")
    halves = []
    for kind, text in pieces:
        at = data.draw(st.integers(0, len(text)))
        halves += [(kind, part) for part in (text[:at], text[at:]) if part]
    assert assembled(encoded(seen, chunks_of(halves))) == assembled(encoded(seen, chunks_of(pieces)))


@pytest.mark.parametrize("path", cases(PAIR, "given.sse"), ids=case_of)
def test_every_stream_keeps_the_order_of_events(path: Path):
    made = assembled(path.read_text())
    assert made["stop_reason"]
    assert all(block.get("signature") for block in made["content"] if block["type"] == "thinking")


@given(st.dictionaries(st.text(min_size=1, max_size=8), JSON.filter(lambda value: value is not None), max_size=5))
def test_every_parameter_without_a_rule_is_reported(extra: dict[str, Any]):
    unknown = {name: value for name, value in extra.items() if name not in HANDLED}
    assert set(view({**ASKED, **unknown}).dropped) == set(unknown)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [*HI, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"system": 5}, "system"),
        ({"system": [{"type": "text", "text": 5}]}, "system[0].text"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": "X"}, "stop_sequences"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "f", "input_schema": {}}], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "all"}}, "tool_choice.type"),
        ({"thinking": True}, "thinking"),
        ({"output_config": 5}, "output_config"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format"),
    ],
)
def test_a_malformed_request_names_its_parameter(change: dict[str, Any], param: str):
    with pytest.raises(Malformed) as caught:
        view({**ASKED, **change})
    assert caught.value.param == param


@given(st.dictionaries(st.sampled_from(sorted(HANDLED)), JSON))
def test_no_request_breaks_the_translation(odd: dict[str, Any]):
    with suppress(Malformed):
        view({**ASKED, **odd})


CHUNK = st.fixed_dictionaries(
    {},
    optional={
        "content": JSON,
        "reasoning": JSON,
        "refusal": JSON,
        "thinking_blocks": JSON,
        "tool_calls": st.lists(st.fixed_dictionaries({}, optional={"index": JSON, "id": JSON, "function": JSON}))
        | JSON,
        "function_call": JSON,
    },
)


@given(st.lists(CHUNK, max_size=6))
def test_no_chunk_breaks_a_stream(deltas: list[dict[str, Any]]):
    seen = view({**ASKED, "thinking": {"type": "adaptive"}})
    told = encoded(seen, [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas])
    assert told.endswith('{"type":"message_stop"}\n\n')
    assert answer(seen, {"choices": [{"message": delta} for delta in deltas]}, None)["stop_reason"]


def test_a_message_keeps_ids_texts_and_images_over_chat_and_back():
    body = read(cases(PAIR, "asked.json")[0].parent.parent / "results" / "asked.json")
    body["messages"][1]["content"][-1]["id"] = body["messages"][2]["content"][-1]["tool_use_id"] = "toolu_2"
    back = request(view(body).chat, "claude-sonnet-4-5").body
    assert kept(back["messages"]) == kept(without_marked(body)["messages"])


ids = st.from_regex(r"toolu_[A-Za-z0-9]{1,20}", fullmatch=True)
words = st.text(alphabet="abc é😀", min_size=1, max_size=8).filter(str.strip)
images = st.sampled_from(
    [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    ]
)
texts = st.builds(lambda text: {"type": "text", "text": text}, words)


@given(st.lists(st.tuples(st.lists(texts | images, min_size=1, max_size=3), words, ids, words), min_size=1, max_size=3))
def test_any_conversation_keeps_ids_texts_and_images_over_chat_and_back(rounds: list[Any]):
    messages: list[dict[str, Any]] = []
    for asked, said, call, result in rounds:
        messages += [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": [{"type": "text", "text": said}, tool_use(call)]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": result}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Done."}]},
        ]
    back = request(view({**ASKED, "messages": messages}).chat, "claude-sonnet-4-5").body
    assert kept(back["messages"]) == kept(messages)


def tool_use(call: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call, "name": "f", "input": {"a": [1, None, "é"]}}


def kept(messages: list[dict[str, Any]]) -> list[Any]:
    """What has to come through, in order: who speaks, texts, calls and results with their ids, images.

    An image in a result moves behind the results of its turn; a result that is an error says so.
    """
    found: list[Any] = []
    for message in messages:
        images, texts, others = list[Any](), "", list[Any]()
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            inner = block.get("content") if block["type"] == "tool_result" else None
            if block["type"] == "tool_result":
                parts = [{"type": "text", "text": inner}] if isinstance(inner, str) else inner or []
                images += [part["source"] for part in parts if part["type"] == "image"]
                said = "".join(part["text"] for part in parts if part["type"] == "text").removeprefix("Error: ")
                others.append(("result", block["tool_use_id"], said))
            elif block["type"] == "tool_use":
                others.append(("call", block["id"], block["name"], block["input"]))
            elif block["type"] == "image":
                images.append(block["source"])
            elif block["type"] == "text":
                texts += block["text"]
        found.append((message["role"], texts, others, images))
    return found


def test_thinking_that_we_signed_never_goes_to_anthropic():
    marked = {"type": "thinking", "thinking": "Hm.", "signature": MARK}
    call = tool_use("toolu_1")
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}
    body = {
        **ASKED,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [
            *HI,
            {"role": "assistant", "content": [marked]},
            {"role": "assistant", "content": [marked, call]},
            {"role": "user", "content": [result]},
        ],
    }
    sent = without_marked(body)
    assert sent["messages"] == [*HI, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert sent["thinking"] == {"type": "disabled"}
    assert without_marked(ASKED) is ASKED


def test_thinking_stays_on_where_the_thoughts_are_anthropics_own():
    own = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    marked = {**own, "signature": MARK}
    turns = [
        *HI,
        {"role": "assistant", "content": [marked, {"type": "text", "text": "Hi."}]},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [own, tool_use("toolu_1")]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]},
    ]
    body = {**ASKED, "thinking": {"type": "adaptive"}, "messages": turns}
    assert without_marked(body)["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("status", "type"),
    [(400, "invalid_request_error"), (418, "invalid_request_error"), (500, "api_error"), (529, "overloaded_error")],
)
def test_a_status_has_anthropics_type(status: int, type: str):
    assert type_of_status(status) == type


def test_an_error_of_a_stream_has_anthropics_shape():
    told = MessagesEncoder(view(ASKED)).fail("The stream broke.", "server_error", "rate_limit_exceeded").decode()
    assert told == (
        'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error","message":"The stream broke."}}\n\n'
    )
    assert error_body("x", "server_error")["error"]["type"] == "api_error"


def called(arguments: list[str], finish: str = "tool_calls") -> MessagesEncoder:
    """The encoder after calls with these arguments, told in turns, in two pieces each."""
    encoder = MessagesEncoder(view(ASKED))
    for half in (0, 1):
        for index, text in enumerate(arguments):
            piece = text[: len(text) // 2] if half == 0 else text[len(text) // 2 :]
            head = {"id": f"call_{index}", "function": {"name": f"f{index}", "arguments": piece}}
            call = {"index": index, **(head if half == 0 else {"function": {"arguments": piece}})}
            encoder.chunk({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
    encoder.chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return encoder


@pytest.mark.parametrize("arguments", [[], [""], ['{"a": 1}'], ['{"a": 1}', "{}"], [" "]])
def test_arguments_that_are_json_are_no_problem(arguments: list[str]):
    encoder = called(arguments)
    assert encoder.problem == ""
    encoder.end(None)
    assert encoder.problem == ""


@pytest.mark.parametrize(
    "arguments", [['{"a": '], ["{'a': 1}"], ["[1]"], ['{"a": 1}', '{"b": 1'], ['{"a": 1', '{"b": 1}']]
)
def test_a_tool_is_not_called_with_arguments_that_are_not_json(arguments: list[str]):
    assert "arguments that are not JSON" in called(arguments).problem


def test_an_answer_that_was_cut_may_end_within_arguments():
    assert called(['{"a": '], "length").problem == ""


@pytest.mark.parametrize(("more", "is_fine"), [([b'\\"a\\": ', b"1}"], True), ([b'\\"a\\": '], False)])
def test_arguments_that_were_told_without_parsing_are_looked_at_too(more: list[bytes], is_fine: bool):
    encoder = MessagesEncoder(view(ASKED))
    head = {"index": 0, "id": "call_0", "function": {"name": "f", "arguments": "{"}}
    encoder.chunk({"choices": [{"index": 0, "delta": {"tool_calls": [head]}}]})
    piece = {"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": ""}}]}}
    assert encoder.can_go_on({"choices": [piece]})
    encoder.more(more)
    encoder.chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    assert (encoder.problem == "") == is_fine
