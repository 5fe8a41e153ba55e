"""Dialects that are not OpenAI's, over server-sent events: Anthropic's and Google's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.dialects.said import ARGUMENTS, CALL_ID, Asked, Events, Said, parts, sse


@dataclass(frozen=True)
class Anthropic:
    """The Messages API, version 2023-06-01."""

    provider_type: str = "anthropic"
    model: str = "claude-sonnet-4-5"
    base: str = ""
    content_type: str = "text/event-stream"
    splits_tools: bool = True

    def whole(self, said: Said) -> dict[str, Any]:
        block = self._tool(said, ARGUMENTS) if said.tool else {"type": "text", "text": said.text}
        tokens = {"input_tokens": said.read, "output_tokens": said.wrote} if said.is_counted else {}
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": [block]}
        return head | {"stop_reason": _stop(said), "stop_sequence": None, "usage": tokens}

    def _tool(self, said: Said, arguments: dict[str, str]) -> dict[str, Any]:
        return {"type": "tool_use", "id": CALL_ID, "name": said.tool, "input": arguments}

    def events(self, said: Said) -> Events:
        message = self.whole(said) | {"content": [], "stop_reason": None}
        if said.is_counted:
            message["usage"] = {"input_tokens": said.read, "output_tokens": 1}
        block = self._tool(said, {}) if said.tool else {"type": "text", "text": ""}
        start = _named("content_block_start", index=0, content_block=block)
        name, key = ("input_json_delta", "partial_json") if said.tool else ("text_delta", "text")
        deltas = [_named("content_block_delta", index=0, delta={"type": name, key: piece}) for piece in said.pieces]
        usage = {"output_tokens": said.wrote} if said.is_counted else {}
        ends = [
            _named("content_block_stop", index=0),
            _named("message_delta", delta={"stop_reason": _stop(said), "stop_sequence": None}, usage=usage),
            _named("message_stop"),
        ]
        head = [_named("message_start", message=message), _named("ping")]
        return Events(head, [start, *deltas], ends) if said.tool else Events([*head, start], deltas, ends)

    def error(self, status: int, message: str) -> Any:
        return {"type": "error", "error": {"type": "some_error", "message": message}, "request_id": "req_1"}

    def error_event(self, message: str) -> bytes:
        return _named("error", error={"type": "overloaded_error", "message": message})

    def is_stream(self, path: str, body: dict[str, Any]) -> bool:
        return bool(body.get("stream"))

    def asked(self, body: dict[str, Any]) -> Asked:
        found = parts(body["messages"])
        tools = tuple(tool["name"] for tool in body.get("tools", ()))
        return Asked(
            tools,
            tuple(_text_of(part["content"]) for part in found if part["type"] == "tool_result"),
            sum(part["type"] == "image" for part in found),
            "json_tool_call" in tools or "output_format" in body or "output_config" in body,
        )


@dataclass(frozen=True)
class Gemini:
    """Google AI's generateContent; a call of a tool comes in one piece."""

    provider_type: str = "gemini"
    model: str = "gemini-2.5-flash"
    base: str = ""
    content_type: str = "text/event-stream"
    splits_tools: bool = False

    def whole(self, said: Said) -> dict[str, Any]:
        part: dict[str, Any] = {"text": said.text}
        if said.tool:
            part = {"functionCall": {"name": said.tool, "args": ARGUMENTS}}
        return self._piece([part], "STOP") | self._counts(said)

    def events(self, said: Said) -> Events:
        if said.tool:
            call = {"functionCall": {"name": said.tool, "args": ARGUMENTS}}
            content = [sse(self._piece([call]))]
        else:
            content = [sse(self._piece([{"text": piece}])) for piece in said.pieces]
        return Events([], content, [sse(self._piece([{"text": ""}], "STOP") | self._counts(said))])

    def _piece(self, found: list[dict[str, Any]], reason: str | None = None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": found}, "index": 0}
        candidate |= {"finishReason": reason} if reason else {}
        return {"candidates": [candidate], "modelVersion": self.model, "responseId": "r1"}

    def _counts(self, said: Said) -> dict[str, Any]:
        if not said.is_counted:
            return {}
        counts = {"promptTokenCount": said.read, "candidatesTokenCount": said.wrote}
        return {"usageMetadata": counts | {"totalTokenCount": said.read + said.wrote}}

    def error(self, status: int, message: str) -> Any:
        return {"error": {"code": status, "message": message, "status": "SOME_STATUS"}}

    def error_event(self, message: str) -> bytes:
        return sse({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})

    def is_stream(self, path: str, body: dict[str, Any]) -> bool:
        return "streamGenerateContent" in path

    def asked(self, body: dict[str, Any]) -> Asked:
        found = [part for content in body["contents"] for part in content["parts"]]
        declared = [
            one
            for tool in body.get("tools", ())
            for one in tool.get("functionDeclarations", tool.get("function_declarations", ()))
        ]
        config = body.get("generationConfig") or {}
        responses = [r for part in found if (r := part.get("functionResponse") or part.get("function_response"))]
        return Asked(
            tuple(one["name"] for one in declared),
            tuple(json.dumps(response["response"]) for response in responses),
            sum("inlineData" in part or "inline_data" in part for part in found),
            any("chema" in name for name in config),
        )


def _named(kind: str, **fields: Any) -> bytes:
    return sse({"type": kind, **fields}, kind)


def _stop(said: Said) -> str:
    return "tool_use" if said.tool else "end_turn"


def _text_of(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
