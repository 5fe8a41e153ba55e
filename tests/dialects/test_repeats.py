"""An event that is known without parsing means the same as the parsed one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.anthropic.reading import MORE, MessagesReading
from engine.dialects.reading import Event, read_event
from engine.dialects.repeats import MESSAGES, RESPONSES, Repeats, is_text_alone
from engine.dialects.responses.upstream.reading import read_event as read_response_event

ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(delta: Any = None, finish: Any = None, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return b"data: " + json.dumps({**ENVELOPE, "choices": [choice], **fields}).encode()


def call(arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}


def told(event: Event) -> tuple[Any, ...]:
    return event.has_content, event.choices, event.finishes, event.usage, event.error, event.is_done, event.is_readable


def learn(repeats: Repeats, event: bytes, said: Event, fields: Any = None) -> None:
    if is_text_alone(said):
        repeats.learn(event, said.fields or fields)


EVENTS = st.one_of(
    st.builds(lambda text: chunk({"content": text}), st.text(max_size=8)),
    st.builds(lambda text, pad: chunk({"content": text}, usage=None, obfuscation=pad), st.text(max_size=4), st.text()),
    st.builds(lambda text: chunk({"reasoning_content": text, "content": None}), st.text(max_size=3)),
    st.builds(lambda text: chunk(call(text)), st.text(max_size=3)),
    st.builds(lambda text: chunk({"content": text, "name": text}), st.sampled_from(["a", '"', "\\"])),
    st.builds(lambda raw: chunk({"content": "@"}).replace(b"@", raw), st.binary(max_size=4)),
    st.sampled_from([chunk({}, "stop"), b": ping", b"data: [DONE]", chunk({"content": "x"}, index=1)]),
)


@given(st.lists(st.lists(EVENTS, min_size=1, max_size=3), max_size=8), st.booleans())
def test_a_repeat_says_what_it_says_when_parsed(reads: list[list[bytes]], hides_usage: bool):
    repeats, learned = Repeats(hides_usage=hides_usage), [Event()]
    for events in reads:
        data = b"\n\n".join(events) + b"\n\n"
        if shown := repeats.shown(data):
            said = [told(read_event(event)) for event in data.split(b"\n\n")[:-1]]
            assert said[0][:2] in [told(event)[:2] for event in learned]
            assert said == [(True, said[0][1], (), None, None, False, True)] * len(said)
            assert shown == (data.replace(b', "usage": null', b"") if hides_usage else data)
            continue
        for event in (part for part in data.split(b"\n\n") if part):
            learned.append(read_event(event))
            learn(repeats, event, learned[-1])


def after(event: bytes, *, hides_usage: bool = False) -> Repeats:
    repeats = Repeats(hides_usage=hides_usage)
    learn(repeats, event, read_event(event))
    return repeats


@pytest.mark.parametrize("text", [" two", '"three"\n', "été", "\U0001f600\n", "a" * 100_000])
@pytest.mark.parametrize("name", ["content", "reasoning", "reasoning_content"])
def test_text_reasoning_and_what_comes_with_it_are_not_parsed_again(name: str, text: str):
    repeats = after(chunk({name: "one"}))
    plain = [chunk({name: text}), chunk({name: "x"})]
    data = b"".join(event + b"\n\n" for event in plain)
    assert bool(repeats.shown(data)) == ("\U0001f600" not in text), "a surrogate pair in ASCII is parsed"


def test_arguments_and_openais_padding_are_not_parsed_again():
    for event in (
        chunk(call('{"a')),
        chunk({"content": "x"}, obfuscation="aB"),
        chunk({"content": "x"}, obfuscation=""),
    ):
        assert after(event).shown(event + b"\n\n")
    longer = chunk({"content": "x y"}, obfuscation="aBc9")
    assert after(chunk({"content": "x"}, obfuscation="aB")).shown(longer + b"\n\n")


@pytest.mark.parametrize(
    "data",
    [
        chunk({"content": "x"}),
        chunk({"content": "x"}) + b"\n",
        chunk({"content": ""}) + b"\n\n",
        chunk({"content": "x"}, "stop") + b"\n\n",
        chunk({"content": "x"}, index=1) + b"\n\n",
        chunk({"content": "\ud83d"}) + b"\n\n",
        chunk({"content": "x"}).replace(b"x", b"\xff") + b"\n\n",
        chunk({"content": "x"}).replace(b"x", b"\x01") + b"\n\n",
        chunk({"content": "x"}) + b"\n\ndata: [DONE]\n\n",
        chunk({"content": "x"}, error={"code": 500}) + b"\n\n",
        b"",
    ],
)
def test_anything_else_is_parsed(data: bytes):
    assert after(chunk({"content": "one"})).shown(data) == b""


def test_an_empty_usage_is_hidden_from_who_did_not_ask():
    event = chunk({"content": "x"}, usage=None)
    assert after(event, hides_usage=True).shown(event + b"\n\n") == chunk({"content": "x"}) + b"\n\n"


def delta(kind: str, name: str, text: str, index: int = 0) -> bytes:
    fields = {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: text}}
    return b"event: content_block_delta\ndata: " + json.dumps(fields).encode()


MESSAGES_EVENTS = st.one_of(
    st.builds(lambda text: delta("text_delta", "text", text), st.text(max_size=8)),
    st.builds(lambda text: delta("thinking_delta", "thinking", text), st.text(max_size=4)),
    st.builds(lambda text: delta("input_json_delta", "partial_json", text), st.text(max_size=4)),
    st.builds(lambda raw: delta("text_delta", "text", "@").replace(b"@", raw), st.binary(max_size=4)),
    st.sampled_from(
        [
            delta("text_delta", "text", "x", index=1),
            delta("signature_delta", "signature", "x"),
            b'event: ping\ndata: {"type": "ping"}',
            b'data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}}',
            b'data: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}',
        ]
    ),
)


@given(st.lists(st.lists(MESSAGES_EVENTS, min_size=1, max_size=3), max_size=8))
def test_a_repeat_of_messages_is_content_and_comes_byte_by_byte(reads: list[list[bytes]]):
    repeats = Repeats(MESSAGES)
    for events in reads:
        data = b"\n\n".join(events) + b"\n\n"
        if shown := repeats.shown(data):
            assert shown == data
            assert all(MessagesReading().read_event(event) is MORE for event in data.split(b"\n\n")[:-1])
            continue
        for event in (part for part in data.split(b"\n\n") if part):
            reading = MessagesReading()
            learn(repeats, event, reading.read_event(event), reading.fields)


def test_texts_of_messages_are_known_without_parsing():
    event, reading = delta("text_delta", "text", "Hello"), MessagesReading()
    repeats = Repeats(MESSAGES)
    learn(repeats, event, reading.read_event(event), reading.fields)
    assert repeats.shown(delta("text_delta", "text", " world") + b"\n\n")
    assert not repeats.shown(delta("text_delta", "text", "x", index=1) + b"\n\n")
    assert not repeats.shown(delta("text_delta", "text", "") + b"\n\n")


def test_anthropics_padding_is_not_parsed_again():
    plain, padded = delta("text_delta", "text", "Hello"), delta("text_delta", "text", " you")[:-1] + b"    }"
    for first, second in ((plain, padded), (padded, plain)):
        reading, repeats = MessagesReading(), Repeats(MESSAGES)
        learn(repeats, first, reading.read_event(first), reading.fields)
        assert repeats.found(second + b"\n\n" + first + b"\n\n").texts


Written = Callable[[int, str], bytes]


def more(number: int, text: str, **fields: Any) -> bytes:
    kind = "response.output_text.delta"
    said = {"type": kind, "item_id": "m", "output_index": 0, "delta": text, "sequence_number": number, **fields}
    return f"event: {kind}\ndata: {json.dumps(said)}".encode()


@pytest.mark.parametrize("fields", [{}, {"obfuscation": "aB"}, {"logprobs": []}, {"obfuscation": "", "x": 1}])
def test_texts_of_responses_are_known_by_any_number(fields: dict[str, Any]):
    event, repeats = more(9, "Hello", **fields), Repeats(RESPONSES)
    learn(repeats, event, read_response_event(event))
    padded = fields | ({"obfuscation": "xyz"} if "obfuscation" in fields else {})
    found = repeats.found(more(10, '"a" b', **padded) + b"\n\n" + more(1234, "c", **fields) + b"\n\n")
    assert found.texts == [b'\\"a\\" b', b"c"]
    assert found.number == 1234
    for other in (more(10, ""), more(10, "x", output_index=1), more(10, "x", error={"code": "no"}), more(-1, "x")):
        assert not repeats.found(other + b"\n\n").texts


def numbered(number: int, text: str) -> bytes:
    """As OpenAI writes it: the number comes before the text."""
    kind = "response.output_text.delta"
    said = {"type": kind, "sequence_number": number, "item_id": "m", "delta": text, "logprobs": []}
    return f"event: {kind}\ndata: {json.dumps(said)}".encode()


@pytest.mark.parametrize(("written", "other"), [(numbered, more), (more, numbered)])
def test_the_number_of_the_next_event_is_foreseen_and_any_other_is_found(written: Written, other: Written):
    event, repeats = written(9, "Hello"), Repeats(RESPONSES)
    learn(repeats, event, read_response_event(event))
    for number, is_next in ((10, True), (11, True), (30, False), (31, True), (99, False), (100, True), (100, False)):
        data = written(number, "text") + b"\n\n"
        assert (data.startswith(repeats._start) and data.endswith(repeats._end)) is is_next
        found = repeats.found(data)
        assert (list(found.texts), found.number) == ([b"text"], number)
    wrong = written(101, 'a"')[:-20] + b'"}'
    for unlike in (written(101, ""), wrong, written(101, "x") + b"\n\n" + other(102, "y")):
        assert not repeats.found(unlike + b"\n\n").texts
    two = written(101, "a") + b"\n\n" + written(102, "b") + b"\n\n"
    assert repeats.found(two) == ([b"a", b"b"], 102)


def test_what_never_repeats_is_not_tried_for_ever_and_a_repeat_gives_new_tries():
    repeats = Repeats(RESPONSES)
    for number in range(8):
        learn(repeats, event := more(number, "x", output_index=number), read_response_event(event))
    assert repeats.found(more(9, "x", output_index=7) + b"\n\n").texts
    for number in range(9):
        learn(repeats, event := more(number, "x", output_index=number), read_response_event(event))
    assert not repeats.found(more(9, "x", output_index=8) + b"\n\n").texts
