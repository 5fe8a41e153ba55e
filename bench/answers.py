"""What the upstream of the benchmarks answers in each dialect, as bytes: whole, and as the 20 writes of a stream.

Each stream has its opening in the first write, one piece of text in each of 18, and its end in the last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CHUNKS = 20
WORD = "word "
TEXT = WORD * CHUNKS
CREATED, TOKENS_READ = 1_700_000_000, 9
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
Fields = dict[str, Any]


@dataclass(frozen=True)
class Answers:
    """A whole answer with its head, and the writes of a stream. `ending` is in the last event of a stream alone."""

    plain: bytes
    stream: list[bytes]
    ending: bytes


def _answers(
    whole: Fields, opening: Iterable[Fields], piece: Fields, closing: Iterable[Fields], *, event: Callable[..., bytes]
) -> tuple[bytes, list[bytes]]:
    body = json.dumps(whole).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    told = [list(opening), *([piece] for _ in range(CHUNKS - 2)), list(closing)]
    first, *rest = _numbered(told, event)
    return head.encode() + body, [STREAM_HEAD + first, *rest]


def _numbered(told: list[list[Fields]], event: Callable[..., bytes]) -> list[bytes]:
    number, writes = 0, []
    for fields in told:
        writes.append(b"".join(_framed(event(one, number + place)) for place, one in enumerate(fields)))
        number += len(fields)
    return writes


def _framed(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


# ---- Chat

ENVELOPE = {"id": "chatcmpl-bench", "created": CREATED, "model": "bench"}
CHAT_USAGE = {"prompt_tokens": TOKENS_READ, "completion_tokens": CHUNKS, "total_tokens": TOKENS_READ + CHUNKS}


def _chat() -> Answers:
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = {**ENVELOPE, "object": "chat.completion", "choices": [choice], "usage": CHAT_USAGE}
    opening, piece = _chunk({"role": "assistant", "content": ""}), _chunk({"content": WORD})
    plain, stream = _answers(whole, [opening], piece, [_chunk({}, "stop", usage=CHAT_USAGE)], event=_data)
    stream[-1] += _framed(b"data: [DONE]\n\n")
    return Answers(plain, _ended(stream), b"[DONE]")


def _chunk(delta: Fields, reason: str | None = None, **more: Any) -> Fields:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {**ENVELOPE, "object": "chat.completion.chunk", "choices": [choice], **more}


def _data(fields: Fields, _number: int) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


# ---- Responses

RESPONSES_USAGE = {
    "input_tokens": TOKENS_READ,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": CHUNKS,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": TOKENS_READ + CHUNKS,
}


def _responses() -> Answers:
    part = {"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}
    item = {"id": "msg_bench", "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    head = {"id": "resp_bench", "object": "response", "created_at": CREATED, "model": "bench", "error": None}
    kept = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}, "store": False}
    whole = {**head, **kept, "status": "completed", "output": [item], "usage": RESPONSES_USAGE}
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    opening: list[Fields] = [
        *({"type": f"response.{state}", "response": begun} for state in ("created", "in_progress")),
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}},
        {"type": "response.content_part.added", **place, "part": part | {"text": ""}},
    ]
    piece = {"type": "response.output_text.delta", **place, "delta": WORD, "logprobs": []}
    closing: list[Fields] = [
        {"type": "response.output_text.done", **place, "text": TEXT, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    plain, stream = _answers(whole, opening, piece, closing, event=_numbered_event)
    return Answers(plain, _ended(stream), b"event: response.completed\n")


def _numbered_event(fields: Fields, number: int) -> bytes:
    return _event({"type": fields["type"], "sequence_number": number, **fields}, number)


def _event(fields: Fields, _number: int) -> bytes:
    data = json.dumps(fields, separators=(",", ":"))
    return f"event: {fields['type']}\ndata: {data}\n\n".encode()


# ---- Messages


def _messages() -> Answers:
    usage = {"input_tokens": TOKENS_READ, "output_tokens": CHUNKS}
    block = {"type": "text", "text": TEXT}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    whole: Fields = {"id": "msg_bench", "type": "message", "role": "assistant", "model": "bench", "content": [block]}
    whole |= {**end, "usage": usage}
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    opening: list[Fields] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
    ]
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": WORD}}
    closing: list[Fields] = [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": usage},
        {"type": "message_stop"},
    ]
    plain, stream = _answers(whole, opening, piece, closing, event=_event)
    return Answers(plain, _ended(stream), b"event: message_stop\n")


def _ended(stream: list[bytes]) -> list[bytes]:
    return [*stream[:-1], stream[-1] + b"0\r\n\r\n"]


# By the door of a client, which is also the end of a provider's address.
ANSWERS: Mapping[str, Answers] = {"chat/completions": _chat(), "responses": _responses(), "messages": _messages()}
