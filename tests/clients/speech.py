"""What an upstream says in one turn, in each of the three dialects that clients and providers speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SIGNATURE = "c2lnbmVkLWJ5LWFudGhyb3BpYw=="
USED = {"input_tokens": 12, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
THOUGHT = "I run it."


@dataclass(frozen=True)
class Call:
    """A call of a tool; `arguments` as a text are those of a freeform tool."""

    tool: str
    arguments: dict[str, Any] | str

    @property
    def id(self) -> str:
        return f"call_{self.tool}"

    @property
    def object(self) -> dict[str, Any]:
        """The arguments where a dialect knows no freeform tools."""
        return {"input": self.arguments} if isinstance(self.arguments, str) else self.arguments


@dataclass(frozen=True)
class Turn:
    """One answer: a text or a call, perhaps after a thought."""

    text: str
    call: Call | None
    thinks: bool = False

    @property
    def pieces(self) -> list[str]:
        """The text as it is streamed."""
        middle = len(self.text) // 2
        return [self.text[:middle], self.text[middle:]]


@dataclass(frozen=True)
class Speech:
    """A dialect: the whole answer to a request, and the events of a stream."""

    whole: Callable[[dict[str, Any], Turn], dict[str, Any]]
    events: Callable[[dict[str, Any], Turn], list[bytes]]


def of(path: str) -> Speech:
    """The dialect that is spoken at this path."""
    if path.endswith("/messages"):
        return Speech(_message, _message_events)
    return Speech(_response, _response_events) if path.endswith("/responses") else Speech(_chat, _chat_events)


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


# ---- Chat


def _chat(body: dict[str, Any], turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None if turn.call else turn.text}
    if turn.call:
        message["tool_calls"] = [_chat_call(turn.call)]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if turn.call else "stop"}
    usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def _chat_call(call: Call) -> dict[str, Any]:
    function = {"name": call.tool, "arguments": json.dumps(call.object)}
    return {"index": 0, "id": call.id, "type": "function", "function": function}


def _chat_events(body: dict[str, Any], turn: Turn) -> list[bytes]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"reasoning_content": THOUGHT}]
    deltas += [{"tool_calls": [_chat_call(turn.call)]}] if turn.call else [{"content": piece} for piece in turn.pieces]
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if turn.call else "stop"}
    chunks += [{"choices": [end]}, {"choices": [], "usage": _chat(body, turn)["usage"]}]
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return [*(b"data: " + json.dumps(head | chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]


# ---- Messages


def _blocks(turn: Turn) -> list[dict[str, Any]]:
    thought = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    said: dict[str, Any] = {"type": "text", "text": turn.text}
    if turn.call:
        said = {"type": "tool_use", "id": "toolu_01", "name": turn.call.tool, "input": turn.call.object}
    return [*([thought] if turn.thinks else []), said]


def _message(body: dict[str, Any], turn: Turn) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": _blocks(turn)}
    stop = {"stop_reason": "tool_use" if turn.call else "end_turn", "stop_sequence": None}
    return {**head, **stop, "usage": {**USED, "output_tokens": 6}}


def _message_events(body: dict[str, Any], turn: Turn) -> list[bytes]:
    whole = _message(body, turn)
    message = {**whole, "content": [], "stop_reason": None, "usage": USED}
    events = [_event("message_start", message=message), _event("ping")]
    for index, block in enumerate(whole["content"]):
        empty: dict[str, dict[str, Any]] = {
            "text": {"text": ""},
            "thinking": {"thinking": "", "signature": ""},
            "tool_use": {"input": {}},
        }
        events.append(_event("content_block_start", index=index, content_block=block | empty[block["type"]]))
        events += [_event("content_block_delta", index=index, delta=delta) for delta in _deltas(block, turn)]
        events.append(_event("content_block_stop", index=index))
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    return [*events, _event("message_delta", delta=end, usage={"output_tokens": 6}), _event("message_stop")]


def _deltas(block: dict[str, Any], turn: Turn) -> list[dict[str, Any]]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in turn.pieces]
    if block["type"] == "tool_use":
        return [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    thought = {"type": "thinking_delta", "thinking": block["thinking"]}
    return [thought, {"type": "signature_delta", "signature": block["signature"]}]


# ---- Responses


def _item(turn: Turn) -> dict[str, Any]:
    if not turn.call:
        part = {"type": "output_text", "text": turn.text, "annotations": []}
        return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    head = {"call_id": turn.call.id, "name": turn.call.tool, "status": "completed"}
    if isinstance(turn.call.arguments, str):
        return {"type": "custom_tool_call", "id": "ctc_1", "input": turn.call.arguments, **head}
    return {"type": "function_call", "id": "fc_1", "arguments": json.dumps(turn.call.arguments), **head}


def _response(body: dict[str, Any], turn: Turn) -> dict[str, Any]:
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 30,
    }
    head = {"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": body["model"]}
    kept = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": body.get("tools", []), "metadata": {}}
    return {**head, **kept, "status": "completed", "error": None, "output": [_item(turn)], "usage": usage}


def _response_events(body: dict[str, Any], turn: Turn) -> list[bytes]:
    whole = _response(body, turn)
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    item = whole["output"][0]
    empty: dict[str, Any] = {key: "" for key in ("arguments", "input") if key in item} | (
        {"content": []} if not turn.call else {}
    )
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": item | empty | {"status": "in_progress"}}),
        *((kind, {"item_id": item["id"], "output_index": 0, **fields}) for kind, fields in _item_events(turn, item)),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": whole}),
    ]
    return [_event(kind, sequence_number=number, **fields) for number, (kind, fields) in enumerate(told)]


def _item_events(turn: Turn, item: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if item["type"] == "function_call":
        name, said = "response.function_call_arguments", {"arguments": item["arguments"]}
        return [(f"{name}.delta", {"delta": item["arguments"]}), (f"{name}.done", said)]
    if item["type"] == "custom_tool_call":
        name, said = "response.custom_tool_call_input", {"input": item["input"]}
        return [(f"{name}.delta", {"delta": item["input"]}), (f"{name}.done", said)]
    at, part = {"content_index": 0}, item["content"][0]
    return [
        ("response.content_part.added", {**at, "part": part | {"text": ""}}),
        *(("response.output_text.delta", {**at, "delta": piece, "logprobs": []}) for piece in turn.pieces),
        ("response.output_text.done", {**at, "text": turn.text, "logprobs": []}),
        ("response.content_part.done", {**at, "part": part}),
    ]
