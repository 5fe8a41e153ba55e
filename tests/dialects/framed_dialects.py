"""Dialects with a framing of their own: Ollama's lines of JSON and Bedrock's binary event stream."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from tests.dialects.said import ARGUMENTS, CALL_ID, Asked, Events, Said, parts


@dataclass(frozen=True)
class Ollama:
    """Ollama's /api/chat; a call of a tool comes in one piece."""

    provider_type: str = "ollama"
    model: str = "llama3"
    base: str = ""
    content_type: str = "application/x-ndjson"
    splits_tools: bool = False

    def whole(self, said: Said) -> dict[str, Any]:
        return self._line(said.text, said, is_done=True)

    def events(self, said: Said) -> Events:
        pieces = ("",) if said.tool else said.pieces
        content = [_json_line(self._line(piece, said)) for piece in pieces]
        return Events([], content, [_json_line(self._line("", Said(is_counted=said.is_counted), is_done=True))])

    def _line(self, text: str, said: Said, *, is_done: bool = False) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "" if said.tool else text}
        if said.tool:
            message["tool_calls"] = [{"function": {"name": said.tool, "arguments": ARGUMENTS}}]
        line = {"model": self.model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": is_done}
        counts = {"prompt_eval_count": said.read, "eval_count": said.wrote} if said.is_counted else {}
        return line | ({"done_reason": "stop", **counts} if is_done else {})

    def error(self, status: int, message: str) -> Any:
        return {"error": message}

    def error_event(self, message: str) -> bytes:
        return _json_line({"error": message})

    def is_stream(self, path: str, body: dict[str, Any]) -> bool:
        return bool(body.get("stream"))

    def asked(self, body: dict[str, Any]) -> Asked:
        messages = body["messages"]
        return Asked(
            tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
            tuple(str(m["content"]) for m in messages if m["role"] == "tool"),
            sum(len(m.get("images") or ()) for m in messages),
            isinstance(body.get("format"), dict),
        )


@dataclass(frozen=True)
class Bedrock:
    """Amazon Bedrock's Converse; streams are frames of application/vnd.amazon.eventstream."""

    provider_type: str = "bedrock"
    model: str = "amazon.nova-lite-v1:0"
    base: str = ""
    content_type: str = "application/vnd.amazon.eventstream"
    splits_tools: bool = True

    def whole(self, said: Said) -> dict[str, Any]:
        block: dict[str, Any] = {"text": said.text}
        if said.tool:
            block = {"toolUse": {"toolUseId": CALL_ID, "name": said.tool, "input": ARGUMENTS}}
        message = {"role": "assistant", "content": [block]}
        return {"output": {"message": message}, "stopReason": _stop(said)} | _bedrock_usage(said)

    def events(self, said: Said) -> Events:
        head = [frame("messageStart", {"role": "assistant"})]
        content = [frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": _delta(said, p)}) for p in said.pieces]
        if said.tool:
            start = {"toolUse": {"toolUseId": CALL_ID, "name": said.tool}}
            content.insert(0, frame("contentBlockStart", {"contentBlockIndex": 0, "start": start}))
        ends = [
            frame("contentBlockStop", {"contentBlockIndex": 0}),
            frame("messageStop", {"stopReason": _stop(said)}),
            frame("metadata", {"metrics": {"latencyMs": 1}} | _bedrock_usage(said)),
        ]
        return Events(head, content, ends)

    def error(self, status: int, message: str) -> Any:
        return {"message": message}

    def error_event(self, message: str) -> bytes:
        return frame("serviceUnavailableException", {"message": message}, is_exception=True)

    def is_stream(self, path: str, body: dict[str, Any]) -> bool:
        return path.endswith("/converse-stream")

    def asked(self, body: dict[str, Any]) -> Asked:
        found = parts(body["messages"])
        config = body.get("toolConfig") or {}
        tools = tuple(tool["toolSpec"]["name"] for tool in config.get("tools", ()))
        return Asked(
            tools,
            tuple(json.dumps(part["toolResult"]["content"]) for part in found if "toolResult" in part),
            sum("image" in part for part in found),
            "json_tool_call" in tools or "outputConfig" in body,
        )


def frame(name: str, payload: dict[str, Any], *, is_exception: bool = False) -> bytes:
    """One message of an event stream: prelude, its checksum, headers, payload, checksum of the whole."""
    kinds = ("exception", "exception-type") if is_exception else ("event", "event-type")
    fields = {":message-type": kinds[0], f":{kinds[1]}": name, ":content-type": "application/json"}
    headers = b"".join(_header(key, value) for key, value in fields.items())
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()


def _delta(said: Said, piece: str) -> dict[str, Any]:
    return {"toolUse": {"input": piece}} if said.tool else {"text": piece}


def _stop(said: Said) -> str:
    return "tool_use" if said.tool else "end_turn"


def _bedrock_usage(said: Said) -> dict[str, Any]:
    if not said.is_counted:
        return {}
    return {"usage": {"inputTokens": said.read, "outputTokens": said.wrote, "totalTokens": said.read + said.wrote}}


def _json_line(line: dict[str, Any]) -> bytes:
    return json.dumps(line).encode() + b"\n"
