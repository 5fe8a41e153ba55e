"""Events of a Messages stream -> chunks of a chat stream. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.dialects.anthropic.answer import arguments_of, chat_usage, finish_of, is_schema
from engine.dialects.retelling import text_of
from engine.dialects.shapes import object_of

Chunk = dict[str, Any]


class ChatChunks:
    """The decoder of one stream; `created` is Unix seconds.

    `is_done` after `message_stop`, told by the data and not by the name of the event, which some servers leave out.
    """

    def __init__(self, *, created: int, schema_tool: str | None = None) -> None:
        self._schema_tool = schema_tool
        self._head: dict[str, Any] = {
            "id": "msg",
            "object": "chat.completion.chunk",
            "created": created,
            "model": "",
        }
        self._usage: dict[str, Any] = {}
        self._calls = 0
        # The open block by its index: its start, and how much of its input or its thoughts has come.
        self._open: dict[int, _Block] = {}
        # The parts of the thought that the last event went on with.
        self._thought: list[str] | None = None
        self.is_done = False

    def event(self, fields: dict[str, Any]) -> list[Chunk]:
        """The chunks for one event; unknown events have none. An error is a chunk with `error`."""
        self._thought = None
        kind = fields.get("type")
        if kind == "content_block_delta":
            return self._delta(fields)
        if kind == "content_block_start":
            return self._start(fields)
        if kind == "content_block_stop":
            return self._stop(fields)
        if kind == "message_start":
            return self._begin(object_of(fields.get("message")))
        if kind == "message_delta":
            return self._finish(fields)
        if kind == "message_stop":
            return self._end()
        return [{"error": fields.get("error") or {"message": "The stream ended with an error."}}] * (kind == "error")

    def goes_on(self, texts: Sequence[bytes]) -> None:
        """Further texts where the last one was: a signature comes with the whole thought."""
        if self._thought is not None:
            self._thought += map(text_of, texts)

    def _begin(self, message: dict[str, Any]) -> list[Chunk]:
        self._head |= {name: value for name in ("id", "model") if isinstance(value := message.get(name), str)}
        self._add_usage(message.get("usage"))
        return [self._chunk({"role": "assistant", "content": ""})]

    def _start(self, fields: dict[str, Any]) -> list[Chunk]:
        start = object_of(fields.get("content_block"))
        kind = start.get("type")
        if kind == "tool_use":
            is_answer = is_schema(start, self._schema_tool)
            self._open[_index(fields)] = _Block(start, -1 if is_answer else self._calls)
            if is_answer:
                return []
            self._calls += 1
            call = {"id": str(start.get("id") or "call"), "type": "function"}
            function = {"name": str(start.get("name") or ""), "arguments": ""}
            return [self._call(self._calls - 1, call | {"function": function})]
        if kind == "redacted_thinking":
            return [self._chunk({"thinking_blocks": [start]})]
        if kind == "thinking":
            self._open[_index(fields)] = _Block(start, -1)
        said = start.get("text" if kind == "text" else "thinking") if kind in ("text", "thinking") else None
        return self._said("text" if kind == "text" else "thinking", said, _index(fields))

    def _delta(self, fields: dict[str, Any]) -> list[Chunk]:
        delta = fields.get("delta")
        if not isinstance(delta, dict):
            return []
        kind = delta.get("type")
        if kind == "text_delta":
            return self._said("text", delta.get("text"), 0)
        if kind == "input_json_delta":
            return self._input(delta.get("partial_json"), _index(fields))
        if kind == "thinking_delta":
            return self._said("thinking", delta.get("thinking"), _index(fields))
        if kind == "signature_delta":
            return self._signature(delta.get("signature"), _index(fields))
        return []

    def _said(self, kind: str, text: object, index: int) -> list[Chunk]:
        if not isinstance(text, str) or not text:
            return []
        if kind == "text":
            return [self._chunk({"content": text})]
        if (block := self._open.get(index)) is not None:
            block.parts.append(text)
            self._thought = block.parts
        return [self._chunk({"reasoning_content": text})]

    def _signature(self, signature: object, index: int) -> list[Chunk]:
        block = self._open.get(index)
        if not isinstance(signature, str) or not signature:
            return []
        thought = "".join(block.parts) if block else ""
        return [self._chunk({"thinking_blocks": [{"type": "thinking", "thinking": thought, "signature": signature}]})]

    def _input(self, piece: object, index: int) -> list[Chunk]:
        block = self._open.get(index)
        if block is None or not isinstance(piece, str) or not piece:
            return []
        block.has_input = True
        return [self._input_chunk(block, piece)]

    def _input_chunk(self, block: _Block, piece: str) -> Chunk:
        if block.call < 0:
            return self._chunk({"content": piece})
        return self._call(block.call, {"function": {"arguments": piece}})

    def _stop(self, fields: dict[str, Any]) -> list[Chunk]:
        """A call whose input came with its start, or not at all, is told as a whole."""
        block = self._open.pop(_index(fields), None)
        if block is None or block.has_input or block.start.get("type") != "tool_use":
            return []
        return [self._input_chunk(block, arguments_of(block.start))]

    def _finish(self, fields: dict[str, Any]) -> list[Chunk]:
        self._add_usage(fields.get("usage"))
        reason = object_of(fields.get("delta")).get("stop_reason")
        if not isinstance(reason, str):
            return []
        return [self._chunk({}, finish_of(reason, has_calls=self._calls > 0))]

    def _end(self) -> list[Chunk]:
        self.is_done = True
        usage = chat_usage(self._usage)
        return [{**self._head, "choices": [], "usage": usage}] if usage else []

    def _add_usage(self, usage: object) -> None:
        """Later counts win, but not where they are null."""
        self._usage |= {name: value for name, value in object_of(usage).items() if value is not None}

    def _call(self, number: int, call: dict[str, Any]) -> Chunk:
        return self._chunk({"tool_calls": [{"index": number, **call}]})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> Chunk:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}


class _Block:
    """An open block: its start, the number of its call (-1: none), the thoughts so far, and whether input has come."""

    __slots__ = ("call", "has_input", "parts", "start")

    def __init__(self, start: dict[str, Any], call: int) -> None:
        self.start, self.call = start, call
        self.parts: list[str] = []
        self.has_input = False


def _index(fields: dict[str, Any]) -> int:
    index = fields.get("index")
    return index if type(index) is int else 0
