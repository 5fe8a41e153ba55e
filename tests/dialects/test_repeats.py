"""An event that is known without parsing means the same as the parsed one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialects.reading import Event, read_event
from engine.dialects.repeats import Repeats

ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(delta: Any = None, finish: Any = None, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return b"data: " + json.dumps({**ENVELOPE, "choices": [choice], **fields}).encode()


def call(arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}


def told(event: Event) -> tuple[Any, ...]:
    return event.has_content, event.choices, event.finishes, event.usage, event.error, event.is_done, event.is_readable


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
            repeats.learn(event, learned[-1])


def after(event: bytes, *, hides_usage: bool = False) -> Repeats:
    repeats = Repeats(hides_usage=hides_usage)
    repeats.learn(event, read_event(event))
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
