"""Upstreams for agents: they ask for one command, think where they are asked to, and end when its result has come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.dialects.playing import send
from tests.fakes import Exchange

SIGNATURE = "c2lnbmVkLWJ5LWFudGhyb3BpYw=="
USED = {"input_tokens": 12, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
DONE_TEXT = "The file is written."


def has_result(body: dict[str, Any]) -> bool:
    """Whether a tool's result is in the conversation, in either dialect."""
    return '"tool_result"' in json.dumps(body) or any(m.get("role") == "tool" for m in body.get("messages", ()))


@dataclass(frozen=True)
class Agent:
    """Speaks either dialect by the path that is asked; `tool` is called with `arguments` until its result is there."""

    tool: str
    arguments: dict[str, Any]

    async def play(self, exchange: Exchange) -> None:
        if exchange.path.endswith("/count_tokens"):
            await exchange.answer(200, {"input_tokens": 4321})
            return
        is_messages = exchange.path.endswith("/messages")
        names = json.dumps(exchange.body.get("tools", []))
        calls = f'"{self.tool}"' in names and not has_result(exchange.body)
        events = self._messages(exchange.body, calls=calls) if is_messages else self._chat(exchange.body, calls=calls)
        if exchange.is_stream:
            exchange.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
            for event in events:
                await send(exchange, event)
            await exchange.end_stream()
        else:
            await exchange.answer(200, self._whole(exchange.body, is_messages=is_messages, calls=calls))

    def _blocks(self, body: dict[str, Any], *, calls: bool) -> list[dict[str, Any]]:
        thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        thought = {"type": "thinking", "thinking": "I run it.", "signature": SIGNATURE}
        call = {"type": "tool_use", "id": "toolu_01", "name": self.tool, "input": self.arguments}
        return [*([thought] if thinks else []), call if calls else {"type": "text", "text": DONE_TEXT}]

    def _whole(self, body: dict[str, Any], *, is_messages: bool, calls: bool) -> dict[str, Any]:
        if is_messages:
            head = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"]}
            stop = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
            return {**head, "content": self._blocks(body, calls=calls), **stop, "usage": {**USED, "output_tokens": 6}}
        message: dict[str, Any] = {"role": "assistant", "content": None if calls else DONE_TEXT}
        if calls:
            message["tool_calls"] = [self._call()]
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}

    def _call(self) -> dict[str, Any]:
        function = {"name": self.tool, "arguments": json.dumps(self.arguments)}
        return {"index": 0, "id": "call_01", "type": "function", "function": function}

    def _messages(self, body: dict[str, Any], *, calls: bool) -> list[bytes]:
        message = {
            **self._whole(body, is_messages=True, calls=calls),
            "content": [],
            "stop_reason": None,
            "usage": USED,
        }
        events = [_event("message_start", message=message), _event("ping")]
        for index, block in enumerate(self._blocks(body, calls=calls)):
            empty: dict[str, dict[str, Any]] = {
                "text": {"text": ""},
                "thinking": {"thinking": "", "signature": ""},
                "tool_use": {"input": {}},
            }
            events.append(_event("content_block_start", index=index, content_block=block | empty[block["type"]]))
            events += [_event("content_block_delta", index=index, delta=delta) for delta in _deltas(block)]
            events.append(_event("content_block_stop", index=index))
        end = {"stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None}
        return [*events, _event("message_delta", delta=end, usage={"output_tokens": 6}), _event("message_stop")]

    def _chat(self, body: dict[str, Any], *, calls: bool) -> list[bytes]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"reasoning_content": "I run it."}]
        deltas += [{"tool_calls": [self._call()]}] if calls else [{"content": DONE_TEXT}]
        usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
        chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        end = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}
        chunks += [{"choices": [end]}, {"choices": [], "usage": usage}]
        head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return [*(b"data: " + json.dumps(head | chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]


def _deltas(block: dict[str, Any]) -> list[dict[str, Any]]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": block["text"]}]
    if block["type"] == "tool_use":
        return [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    thought = {"type": "thinking_delta", "thinking": block["thinking"]}
    return [thought, {"type": "signature_delta", "signature": block["signature"]}]


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
