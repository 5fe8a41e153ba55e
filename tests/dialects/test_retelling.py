"""Text that goes into another dialect without being read comes out as if it had been, for every pair of dialects."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import pytest

from engine.dialects import repeats
from engine.dialects.messages.events import MessagesEncoder
from engine.dialects.messages.request import view as view_of_messages
from engine.dialects.responses.events import ResponsesEncoder
from engine.dialects.responses.request import view_of as view_of_responses
from engine.dialects.retelling import around, as_written, text_of
from engine.dialects.translation import Encoder
from engine.upstreams.chat_events import ChatEvents, StreamEvents
from engine.upstreams.messages import ChatFromMessages, MessagesEvents
from engine.upstreams.responses import DecodedResponseEvents, ResponseEvents
from engine.upstreams.translated import Translation

STREAMS = 120
PIECES = ["word", " ", "é", "\U0001f600", '"', "\\", "\n", "/", "\u2028", "\x7f", "\b\f\r\t", "\x01", "A", "x" * 40]
PIECES += ['","content": "', "\\u0041", "content", "", "delta", "}}", "data: [DONE]\n\n", "\n\n"]
# What is another each time: our ids, and when a stream began.
OWN = re.compile(rb'(msg|toolu)_[0-9a-f]{24}|"created(_at)?":\d{6,}')
Event = dict[str, Any]


class Writer:
    """Writes events as one server does: its spaces, escapes, order of keys, and ends of lines."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.separators = rng.choice([(",", ":"), (", ", ": ")])
        self.is_ascii, self.is_named = rng.random() < 0.5, rng.random() < 0.7
        self.is_shuffled = rng.random() < 0.2
        self.end = rng.choice([b"\n", b"\n", b"\n", b"\r\n"])

    def text(self) -> str:
        return "".join(self.rng.choices(PIECES, k=self.rng.randint(1, 4)))

    def event(self, fields: Event) -> bytes:
        data = json.dumps(self._ordered(fields), separators=self.separators, ensure_ascii=self.is_ascii)
        if self.rng.random() < 0.1:
            data = data.replace("/", "\\/").replace("wor", "w\\u006fr")
        if self.rng.random() < 0.02:
            data = data.replace("word", self.rng.choice(["\\ud83d", "\\udc00x", "wo\\uD83D\\uDE00rd"]))
        if self.rng.random() < 0.1:
            data = data[:-1] + " " * self.rng.randint(1, 5) + "}"
        name = f"event: {fields['type']}\n" if self.is_named and "type" in fields else ""
        return f"{name}data: {data}\n\n".encode().replace(b"\n", self.end)

    def _ordered(self, fields: Event) -> Event:
        names = list(fields)
        if self.is_shuffled or self.rng.random() < 0.02:
            self.rng.shuffle(names)
        return {name: fields[name] for name in names}

    def odd(self) -> bytes:
        return self.rng.choice([b": ping\n\n", b'data: {"type":"ping"}\n\n', b"data: nonsense\n\n", b"event: x\n\n"])


def chat_stream(rng: Random) -> Iterator[bytes]:
    writer, model = Writer(rng), rng.choice(["m", 'm","delta":{"content":"'])
    extra: Event = rng.choice([{}, {"usage": None}, {"obfuscation": "ab"}, {"service_tier": "default"}])
    beside: Event = rng.choice([{}, {"role": "assistant"}, {"content": None}, {"refusal": None}])
    logprobs: Event = rng.choice([{}, {"logprobs": None}, {"logprobs": {"content": [{"token": "a"}]}}])

    def chunk(delta: Event, finish: str | None = None, index: int = 0) -> bytes:
        choice = {"index": index, "delta": delta, **logprobs, "finish_reason": finish}
        padding = {"obfuscation": "x" * rng.randint(0, 4)} if "obfuscation" in extra else {}
        return writer.event({"id": "c", "created": 1, "model": model, "choices": [choice], **extra, **padding})

    yield chunk({"role": "assistant", "content": ""})
    for _ in range(rng.randint(1, 6)):
        name = rng.choice(["content", "content", "reasoning_content", "reasoning", "refusal", "call", "two", "calls"])
        call = rng.randint(0, 2)
        head = {"id": f"call_{call}", "type": "function"} if rng.random() < 0.8 else {}
        if name in ("call", "calls"):
            function = {"name": rng.choice(["look", "patch"]), "arguments": rng.choice(["", "{"])}
            yield chunk({"tool_calls": [{"index": call, **head, "function": function}]})
        repeated = head if rng.random() < 0.3 else {}
        for _ in range(rng.randint(1, 6)):
            if name == "call":
                yield chunk({"tool_calls": [{"index": call, **repeated, "function": {"arguments": writer.text()}}]})
            elif name == "calls":
                call = rng.randint(0, 1)
                yield chunk({"tool_calls": [{"index": call, "function": {"arguments": writer.text()}}]})
            elif name == "two":
                yield chunk({"content": writer.text(), "reasoning_content": rng.choice(["", "why"])})
            else:
                yield chunk({**({} if name == "content" else beside), name: writer.text()}, index=rng.random() < 0.03)
        if rng.random() < 0.2:
            yield writer.odd()
    yield chunk({}, rng.choice(["stop", "tool_calls", "length"]))
    yield b"data: [DONE]\n\n"


DELTAS = {"text": "text", "thinking": "thinking", "input_json": "partial_json"}
STARTS: dict[str, Event] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
    "input_json": {"type": "tool_use", "id": "t", "name": "look", "input": {}},
}


def messages_stream(rng: Random) -> Iterator[bytes]:
    writer = Writer(rng)
    usage = {"input_tokens": 3, "output_tokens": 1}
    yield writer.event({"type": "message_start", "message": {"id": "msg", "model": "m/1", "usage": usage}})
    for index in range(rng.randint(1, 6)):
        kind = rng.choice(list(DELTAS))
        start = STARTS[kind] | ({"id": f"t{index}"} if kind == "input_json" else {})
        yield writer.event({"type": "content_block_start", "index": index, "content_block": start})
        for _ in range(rng.randint(0, 7)):
            delta = {"type": f"{kind}_delta", DELTAS[kind]: writer.text()}
            at = index if rng.random() < 0.95 else index - 1
            yield writer.event({"type": "content_block_delta", "index": at, "delta": delta})
            if rng.random() < 0.1:
                yield writer.odd()
        if kind == "thinking" and rng.random() < 0.7:
            delta = {"type": "signature_delta", "signature": "c2ln"}
            yield writer.event({"type": "content_block_delta", "index": index, "delta": delta})
        yield writer.event({"type": "content_block_stop", "index": index})
    yield writer.event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}})
    yield writer.event({"type": "message_stop"})


ITEMS: dict[str, tuple[str, Event]] = {
    "output_text": ("message", {"content": []}),
    "refusal": ("message", {"content": []}),
    "reasoning_summary_text": ("reasoning", {"summary": []}),
    "function_call_arguments": ("function_call", {"call_id": "c", "name": "look", "arguments": ""}),
    "custom_tool_call_input": ("custom_tool_call", {"call_id": "d", "name": "patch", "input": ""}),
}


def responses_stream(rng: Random) -> Iterator[bytes]:
    writer, numbers, response = Writer(rng), count(rng.choice([0, 7, 98])), {"id": "resp", "model": "m/1"}
    is_numbered = rng.random() < 0.9
    extra: Event = rng.choice([{}, {"logprobs": []}, {"obfuscation": "ab"}])

    def event(kind: str, **fields: Any) -> bytes:
        number = {"sequence_number": next(numbers)} if is_numbered else {}
        return writer.event({"type": f"response.{kind}", **number, **fields})

    yield event("created", response={**response, "status": "in_progress", "output": []})
    items = []
    for index in range(rng.randint(1, 6)):
        name = rng.choice(list(ITEMS))
        kind, begun = ITEMS[name]
        item = {"type": kind, "id": f"i{index}", **begun}
        items.append(item)
        if rng.random() < 0.9:
            yield event("output_item.added", output_index=index, item=item)
        for _ in range(rng.randint(0, 7)):
            at = index if rng.random() < 0.95 else max(0, index - 1)
            padding = {"obfuscation": "x" * rng.randint(0, 4)} if "obfuscation" in extra else {}
            more = extra | padding
            yield event(f"{name}.delta", item_id=f"i{at}", output_index=at, delta=writer.text(), **more)
            if rng.random() < 0.1:
                yield writer.odd()
        yield event("output_item.done", output_index=index, item=item)
    usage = {"input_tokens": 3, "output_tokens": 9}
    yield event("completed", response={**response, "status": "completed", "output": items, "usage": usage})


class Pieces:
    """The bytes of a stream as they arrive."""

    def __init__(self, data: list[bytes]) -> None:
        self._data = iter(data)

    async def readany(self) -> bytes:
        return next(self._data, b"")


TOOLS = [{"type": "function", "name": "look", "parameters": {}}, {"type": "custom", "name": "patch"}]


def responses_encoder(rng: Random) -> Encoder:
    ids = count()
    body: Event = {"model": "g", "input": "Hi", "tools": TOOLS}
    asks = {"reasoning": {"summary": "auto"}} if rng.random() < 0.5 else {}
    view = view_of_responses(body | asks)
    return ResponsesEncoder(view, new_id=lambda kind: f"{kind}_{next(ids)}", now=lambda: 1.0)


def messages_encoder(rng: Random) -> Encoder:
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 2000}} if rng.random() < 0.7 else {}
    view = view_of_messages(
        {"model": "g", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **thinking}
    )
    return MessagesEncoder(view)


UPSTREAMS: dict[str, tuple[Callable[[Random], Iterator[bytes]], Callable[[Pieces], StreamEvents]]] = {
    "chat": (chat_stream, ChatEvents),
    "messages": (messages_stream, lambda source: ChatFromMessages(source, schema_tool=None, hides_usage=False)),
    "responses": (responses_stream, lambda source: DecodedResponseEvents(source, hides_usage=True)),
    "messages, own": (messages_stream, lambda source: MessagesEvents(source, "g")),
    "responses, own": (responses_stream, ResponseEvents),
}
CLIENTS: dict[str, Callable[[Random], Encoder]] = {"responses": responses_encoder, "messages": messages_encoder}
PAIRS = [
    (client, upstream) for upstream in UPSTREAMS for client in ("", *CLIENTS) if not client or "own" not in upstream
]


def as_it_arrives(rng: Random, events: list[bytes]) -> list[bytes]:
    """Mostly event by event; sometimes several at once, or cut anywhere."""
    pieces: list[bytes] = []
    for event in events:
        if pieces and rng.random() < 0.2:
            pieces[-1] += event
        elif rng.random() < 0.1:
            cut = rng.randint(1, len(event) - 1)
            pieces += [event[:cut], event[cut:]]
        else:
            pieces.append(event)
    return pieces


async def told(client: str, upstream: str, seed: int, *, is_cut: bool) -> tuple[bytes, Any, bytes]:
    """What the client of a stream gets, the progress that was seen, and the error that would end it."""
    rng = Random(seed)
    stream, reader = UPSTREAMS[upstream]
    written = list(stream(rng))
    pieces = as_it_arrives(rng, written[:-3] if is_cut else written)
    events = reader(Pieces(pieces))
    encoder = CLIENTS[client](rng) if client else None
    translation = Translation(encoder) if encoder else None
    shown, piece = [], await events.first()
    while True:
        data = piece.shown + (events.ending if piece.is_last and events.progress.is_done else b"")
        shown.append(translation.shown(data) if translation else data)
        if piece.is_last or piece.error:
            break
        piece = await events.next()
    fail = encoder.fail if encoder else events.fail
    error = fail("broken", "api_error", None) if fail else b""
    progress = events.progress
    seen = progress.has_content, progress.is_done, progress.is_whole, progress.usage, progress.dropped
    end = encoder.end(progress.usage) if encoder and not is_cut else b""
    return OWN.sub(b"", b"".join(shown) + end), seen, OWN.sub(b"", error)


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
async def test_every_stream_is_the_same_as_with_each_event_read(
    client: str, upstream: str, monkeypatch: pytest.MonkeyPatch
):
    for seed in range(STREAMS):
        quick = await told(client, upstream, seed, is_cut=seed % 5 == 0)
        with monkeypatch.context() as patch:
            patch.setattr(repeats, "MOST_TRIES", 0)
            assert quick == await told(client, upstream, seed, is_cut=seed % 5 == 0), seed


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
async def test_most_texts_are_not_read(client: str, upstream: str, monkeypatch: pytest.MonkeyPatch):
    texts, read = list[bytes](), repeats.Repeats.found

    def found(self: repeats.Repeats, data: bytes) -> repeats.Found:
        texts.extend((known := read(self, data)).texts)
        return known

    monkeypatch.setattr(repeats.Repeats, "found", found)
    for seed in range(30):
        await told(client, upstream, seed, is_cut=False)
    assert len(texts) > 50


@pytest.mark.parametrize("text", PIECES)
def test_a_text_is_written_as_our_writer_writes_it(text: str):
    for raw in (json.dumps(text), json.dumps(text, ensure_ascii=False), json.dumps(text).replace("/", "\\/")):
        assert text_of(raw[1:-1].encode()) == text
        assert json.loads(b'"%b"' % as_written(raw[1:-1].encode())) == text
        assert as_written(raw[1:-1].encode()) == as_written(json.dumps(text)[1:-1].encode())


def test_a_chunk_with_more_than_one_text_has_no_bytes_around_it():
    def chunk(delta: Event) -> Event:
        return {"model": '","delta":{"content":""', "choices": [{"delta": delta, "index": 0}]}

    head, tail = b'data: {"model":"\\",\\"delta\\":{\\"content\\":\\"\\"","choices":[{"delta":', b',"index":0}]}\n\n'
    call = {"index": 1, "function": {"arguments": "a"}}
    assert around(chunk({"content": "x"})) == (head + b'{"content":"', b'"}' + tail)
    given = around(chunk({"tool_calls": [call]}))
    assert given == (head + b'{"tool_calls":[{"index":1,"function":{"arguments":"', b'"}}]}' + tail)
    for delta in (
        {"content": "x", "role": "assistant"},
        {"tool_calls": [call, call]},
        {"tool_calls": [call | {"id": "i"}]},
    ):
        assert around(chunk(delta)) is None
