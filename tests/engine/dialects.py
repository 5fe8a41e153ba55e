"""Upstreams of three dialects on a real socket, whose answers have the tokens that the question asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tests.fakes import Exchange


@dataclass(frozen=True)
class Tokens:
    """What an answer is to have: cached and written are parts of read, thought is a part of wrote."""

    read: int
    cached: int
    written: int
    wrote: int
    thought: int

    @property
    def question(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": json.dumps(asdict(self))}]


@dataclass(frozen=True)
class Counting:
    """Answers as the path wants it, OpenAI's, Anthropic's or Gemini's, plain or as a stream."""

    async def play(self, exchange: Exchange) -> None:
        tokens = _asked(exchange.body)
        if exchange.path.endswith("/messages"):
            await _send(exchange, _anthropic(tokens), _anthropic_events(tokens))
        elif "enerateContent" in exchange.path:
            exchange.body["stream"] = "stream" in exchange.path
            await _send(exchange, _gemini(tokens), [_gemini(tokens)])
        else:
            await _send(exchange, _openai(tokens), [*_openai_events(exchange, tokens), "[DONE]"])


def _asked(body: dict[str, Any]) -> Tokens:
    content = body["contents"][0]["parts"] if "contents" in body else body["messages"][0]["content"]
    return Tokens(**json.loads(content if isinstance(content, str) else content[0]["text"]))


async def _send(exchange: Exchange, whole: dict[str, Any], events: Iterable[dict[str, Any] | str]) -> None:
    if not exchange.is_stream:
        await exchange.answer(200, whole)
        return
    exchange.start_stream()
    for event in events:
        await exchange.event(event if isinstance(event, str) else json.dumps(event))
    await exchange.end_stream()


def _openai_usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.read,
        "completion_tokens": tokens.wrote,
        "total_tokens": tokens.read + tokens.wrote,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.thought},
    }


def _openai(tokens: Tokens) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]} | {
        "usage": _openai_usage(tokens)
    }


def _openai_events(exchange: Exchange, tokens: Tokens) -> list[dict[str, Any]]:
    is_asked = bool((exchange.body.get("stream_options") or {}).get("include_usage"))
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": "pong"}, None), ({}, "stop")]
    events = [{**head, "choices": [{"index": 0, "delta": d, "finish_reason": end}]} for d, end in deltas]
    if not is_asked:
        return events
    return [{**event, "usage": None} for event in events] + [{**head, "choices": [], "usage": _openai_usage(tokens)}]


def _anthropic_input(tokens: Tokens) -> dict[str, int]:
    return {
        "input_tokens": tokens.read - tokens.cached - tokens.written,
        "cache_read_input_tokens": tokens.cached,
        "cache_creation_input_tokens": tokens.written,
    }


def _anthropic(tokens: Tokens) -> dict[str, Any]:
    usage = {**_anthropic_input(tokens), "output_tokens": tokens.wrote}
    head = {"id": "1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return {**head, "content": [{"type": "text", "text": "pong"}], "usage": usage}


def _anthropic_events(tokens: Tokens) -> list[dict[str, Any]]:
    message = {**_anthropic(tokens), "content": [], "usage": {**_anthropic_input(tokens), "output_tokens": 1}}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "pong"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": tokens.wrote}},
        {"type": "message_stop"},
    ]


def _gemini(tokens: Tokens) -> dict[str, Any]:
    usage = {
        "promptTokenCount": tokens.read,
        "cachedContentTokenCount": tokens.cached,
        "candidatesTokenCount": tokens.wrote - tokens.thought,
        "thoughtsTokenCount": tokens.thought,
        "totalTokenCount": tokens.read + tokens.wrote,
    }
    candidate = {"content": {"role": "model", "parts": [{"text": "pong"}]}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "1"}
