"""OpenAI's chat completions, and those who speak it: Azure, Mistral, Groq, OpenRouter, vLLM and more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.dialects.said import ARGUMENTS, CALL_ID, Asked, Events, Said, parts, sse


@dataclass(frozen=True)
class OpenAI:
    """The protocol itself."""

    provider_type: str = "openai"
    model: str = "gpt-4o"
    base: str = "/v1"
    content_type: str = "text/event-stream"
    splits_tools: bool = True

    def whole(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": None if said.tool else said.text}
        if said.tool:
            function = {"name": said.tool, "arguments": json.dumps(ARGUMENTS)}
            message["tool_calls"] = [{"id": CALL_ID, "type": "function", "function": function}]
        choice = {"index": 0, "message": message, "finish_reason": _reason(said)}
        answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": self.model, "choices": [choice]}
        return answer | ({"usage": _usage(said)} if said.is_counted else {})

    def events(self, said: Said) -> Events:
        end = [self._chunk({}, _reason(said))]
        if said.is_counted:
            end.append(sse(self._head() | {"choices": [], "usage": _usage(said)}))
        head = [self._chunk({"role": "assistant", "content": ""})]
        return Events(head, [self._chunk(delta) for delta in _deltas(said)], [*end, sse("[DONE]")])

    def chunk(self, delta: dict[str, Any], reason: str | None = None, index: int = 0) -> bytes:
        """One event of one answer."""
        return self._chunk(delta, reason, index)

    def _chunk(self, delta: dict[str, Any], reason: str | None = None, index: int = 0) -> bytes:
        return sse(self._head() | {"choices": [{"index": index, "delta": delta, "finish_reason": reason}]})

    def _head(self) -> dict[str, Any]:
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": self.model}

    def error(self, status: int, message: str) -> Any:
        return {"error": {"message": message, "type": "some_error", "param": None, "code": None}}

    def error_event(self, message: str) -> bytes:
        return sse({"error": {"message": message, "type": "server_error", "code": 503}})

    def is_stream(self, path: str, body: dict[str, Any]) -> bool:
        return bool(body.get("stream"))

    def asked(self, body: dict[str, Any]) -> Asked:
        messages = body["messages"]
        return Asked(
            tuple(tool["function"]["name"] for tool in body.get("tools", ())),
            tuple(str(m["content"]) for m in messages if m["role"] == "tool"),
            sum(part["type"] == "image_url" for part in parts(messages)),
            (body.get("response_format") or {}).get("type") == "json_schema",
        )


@dataclass(frozen=True)
class Azure(OpenAI):
    """Azure OpenAI: filter results come before the first choice."""

    provider_type: str = "azure"
    base: str = ""

    def events(self, said: Said) -> Events:
        plain = super().events(said)
        filtered = sse(self._head() | {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
        return Events([filtered, *plain.head], plain.content, plain.end)


@dataclass(frozen=True)
class Mistral(OpenAI):
    """Mistral: tokens come with the last choice; errors are flat."""

    provider_type: str = "mistral"
    model: str = "mistral-large-latest"

    def events(self, said: Said) -> Events:
        plain = super().events(said)
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": _reason(said)}
        last = self._head() | {"choices": [choice]} | ({"usage": _usage(said)} if said.is_counted else {})
        return Events(plain.head, plain.content, [sse(last), sse("[DONE]")])

    def error(self, status: int, message: str) -> Any:
        return {"object": "error", "message": message, "type": "some_error", "param": None, "code": "1000"}

    def error_event(self, message: str) -> bytes:
        return sse({"object": "error", "message": message, "type": "service_unavailable", "code": "3505"})


@dataclass(frozen=True)
class Cohere(OpenAI):
    """Cohere's compatible API: a stream tells its tokens unasked, and may not be asked to."""

    provider_type: str = "cohere"
    model: str = "command-a-03-2025"
    base: str = "/compatibility/v1"

    def error(self, status: int, message: str) -> Any:
        return {"id": "e1", "message": message}


@dataclass(frozen=True)
class HuggingFace(OpenAI):
    """HuggingFace's router, or a server of its own at an address."""

    provider_type: str = "huggingface"
    model: str = "org/model"
    base: str = ""


def _reason(said: Said) -> str:
    return "tool_calls" if said.tool else "stop"


def _deltas(said: Said) -> list[dict[str, Any]]:
    first, second = said.pieces
    if not said.tool:
        return [{"content": first}, {"content": second}]
    opened = {"index": 0, "id": CALL_ID, "type": "function", "function": {"name": said.tool, "arguments": first}}
    return [{"tool_calls": [opened]}, {"tool_calls": [{"index": 0, "function": {"arguments": second}}]}]


def _usage(said: Said) -> dict[str, int]:
    return {"prompt_tokens": said.read, "completion_tokens": said.wrote, "total_tokens": said.read + said.wrote}
