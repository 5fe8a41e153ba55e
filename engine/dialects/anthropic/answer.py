"""A whole answer of Anthropic's Messages API -> a chat answer. Pure."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from engine.dialects.shapes import objects

FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def answer(message: dict[str, Any], *, created: int, schema_tool: str | None = None) -> dict[str, Any]:
    """The chat answer; `created` is Unix seconds. Never raises because of a field.

    `thinking_blocks` has thoughts with their signatures, for clients that send them back.
    """
    blocks = objects(message.get("content"))
    texts = [_text(block, schema_tool) for block in blocks]
    thoughts = [block for block in blocks if block.get("type") in ("thinking", "redacted_thinking")]
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use" and not is_schema(block, schema_tool)]
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or (None if calls else "")}
    if words := "".join(str(block.get("thinking") or "") for block in thoughts):
        said["reasoning_content"] = words
    if thoughts:
        said["thinking_blocks"] = thoughts
    if calls:
        said["tool_calls"] = calls
    finish = finish_of(message.get("stop_reason"), has_calls=bool(calls))
    made = {
        "id": str(message.get("id") or "msg"),
        "object": "chat.completion",
        "created": created,
        "model": message.get("model"),
        "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": finish}],
    }
    return made | ({"usage": usage} if (usage := chat_usage(message.get("usage"))) else {})


def finish_of(reason: object, *, has_calls: bool) -> str:
    """OpenAI's finish_reason. A call of the tool that stands for a schema is a normal end."""
    finish = FINISHES.get(str(reason), "stop")
    return "stop" if finish == "tool_calls" and not has_calls else finish


def chat_usage(usage: object) -> dict[str, Any] | None:
    """The tokens in OpenAI's words: the input with what was read from the cache and written to it; None if unknown."""
    if not isinstance(usage, dict):
        return None
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    prompt, completion = _count(usage, "input_tokens") + read + written, _count(usage, "output_tokens")
    if not prompt and not completion:
        return None
    details = {"cached_tokens": read, "cache_creation_tokens": written}
    made = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    made["prompt_tokens_details"] = details  # type: ignore[assignment]
    told = usage.get("output_tokens_details")
    thought = _count(told, "thinking_tokens") if isinstance(told, dict) else 0
    return made | ({"completion_tokens_details": {"reasoning_tokens": thought}} if thought else {})


def is_schema(block: dict[str, Any], schema_tool: str | None) -> bool:
    """Whether a call is the answer in the form of a schema."""
    return schema_tool is not None and block.get("name") == schema_tool


def arguments_of(block: dict[str, Any]) -> str:
    """The input of a call as JSON."""
    return to_json(block["input"]).decode() if isinstance(block.get("input"), dict) else "{}"


def _text(block: dict[str, Any], schema_tool: str | None) -> str:
    if block.get("type") == "text":
        return str(block.get("text") or "")
    is_answer = block.get("type") == "tool_use" and is_schema(block, schema_tool)
    return arguments_of(block) if is_answer else ""


def _call(block: dict[str, Any]) -> dict[str, Any]:
    function = {"name": str(block.get("name") or ""), "arguments": arguments_of(block)}
    return {"id": str(block.get("id") or "call"), "type": "function", "function": function}


def _count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if type(value) is int and value > 0 else 0
