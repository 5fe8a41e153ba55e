"""A body may have any value at any place: it is refused with the field, and never breaks who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

import pytest

from engine.dialects.translation import Malformed
from engine.ledger import Trace
from engine.upstreams import estimates
from engine.upstreams.call import Call, Endpoint
from engine.upstreams.units import most_units
from gateway import openai
from gateway.openai import ApiError

FUNCTION = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}, "strict": True}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "see"}, PICTURE]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "it is"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "n": 1,
    },
    "messages": {
        "model": "m",
        "max_tokens": 2000,
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text"}]}]},
        ],
        "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}, "strict": True}],
        "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {}}},
        "container": {"skills": [{"type": "anthropic", "skill_id": "xlsx"}]},
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
    },
    "responses": {
        "model": "m",
        "instructions": "be kind",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "see"}]},
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": [{"type": "input_text", "text": "it is"}]},
        ],
        "tools": [{"type": "function", **FUNCTION}, {"type": "custom", "name": "patch", "format": {"type": "text"}}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
        "text": {"format": {"type": "json_schema", "name": "a", "schema": {}}, "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "max_output_tokens": 5,
        "include": ["message.output_text.logprobs"],
    },
}
BODIES["embeddings"] = {"model": "m", "input": ["a", [1, 2]], "dimensions": 8}
BODIES["rerank"] = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1}
BODIES["images/generations"] = {"model": "m", "prompt": "a cat", "n": 2, "size": "1024x1024"}
BODIES["audio/speech"] = {"model": "m", "input": "hi", "voice": {"id": "v"}, "stream_format": "sse"}
HOSTILE: tuple[Any, ...] = ({}, [], {"a": [{}]}, [[None]], None, 7, -0.5, True, "", "x")


def _places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inner:
        yield (*path, name)
        yield from _places(value, (*path, name))


def _with(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed: Any = deepcopy(body)
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = deepcopy(value)
    return cast(dict[str, Any], changed)


def _read(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """What the gateway does with a body before it asks an upstream."""
    openai.check(body, endpoint)
    call = Call(endpoint, body, Trace("1", "g"), False)
    estimates.input_tokens(call.chat)
    _ = call.needs_own_key, call.wants_usage, most_units(endpoint, body)


@pytest.mark.parametrize("endpoint", BODIES)
def test_any_value_at_any_place_is_read_or_refused(endpoint):
    _read(endpoint, deepcopy(BODIES[endpoint]))
    broken = []
    for path in _places(BODIES[endpoint]):
        for value in HOSTILE:
            try:
                _read(endpoint, _with(BODIES[endpoint], path, value))
            except (ApiError, Malformed):
                pass
            except Exception as error:
                broken.append((path, value, repr(error)))
    assert not broken
