"""A whole chat answer -> the answer of the Messages API. Pure."""

from __future__ import annotations

import secrets
from typing import Any

from engine.dialects.anthropic.signatures import MARK, is_replayable
from engine.dialects.messages.request import MessagesView
from engine.dialects.reading import parsed
from engine.dialects.shapes import listed, object_of, objects
from engine.upstreams.tokens import Usage

STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}


def answer(view: MessagesView, chat: dict[str, Any], usage: Usage | None) -> dict[str, Any]:
    """The client's answer, with the model's name as the client spells it and the tokens that are billed.

    Never raises because of a field of the upstream's answer.
    """
    choice = next(iter(objects(chat.get("choices"))), {})
    said = object_of(choice.get("message"))
    calls = calls_of(said)
    blocks = [*(_thoughts(said) if view.shows_thoughts else ()), *_texts(said)]
    blocks += [_call(call, place, view) for place, call in enumerate(calls)]
    reason, sequence = stop_of(choice, has_calls=bool(calls))
    return {
        "id": message_id(view),
        "type": "message",
        "role": "assistant",
        "model": view.chat.get("model"),
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": tokens(usage),
    }


def message_id(view: MessagesView) -> str:
    """The id of the answer to a request."""
    return view.message_id or f"msg_{secrets.token_hex(12)}"


def stop_of(choice: dict[str, Any], *, has_calls: bool) -> tuple[str, str | None]:
    """Anthropic's stop reason, and the stop sequence where the upstream tells it (as vLLM does)."""
    reason, sequence = STOPS.get(str(choice.get("finish_reason")), "end_turn"), choice.get("stop_reason")
    if reason in ("end_turn", "tool_use"):
        reason = "tool_use" if has_calls else "end_turn"
    if reason == "end_turn" and isinstance(sequence, str):
        return "stop_sequence", sequence
    return reason, None


def tokens(usage: Usage | None) -> dict[str, int]:
    """The tokens in Anthropic's words: what was read from the cache or written to it is no input."""
    if usage is None:
        usage = Usage(0, 0, 0)
    return {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }


def thoughts_in(said: dict[str, Any]) -> str:
    """The reasoning in a message or a delta, under any of its names."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(text := said.get(name), str) and text:
            return text
    return "".join(_text_of(part.get("thinking")) for part in _parts(said) if part.get("type") == "thinking")


def text_in(said: dict[str, Any]) -> str:
    """The text in a message or a delta: a string or parts, and a refusal."""
    content, refusal = said.get("content"), said.get("refusal")
    text = content if isinstance(content, str) else "".join(_text_of(part.get("text")) for part in _parts(said))
    return text + (refusal if isinstance(refusal, str) else "")


def calls_of(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of tools in a message or a delta; OpenAI's first spelling, `function_call`, too."""
    calls = objects(said.get("tool_calls"))
    old = said.get("function_call")
    return calls or ([{"index": 0, "function": old}] if isinstance(old, dict) else [])


def _thoughts(said: dict[str, Any]) -> list[dict[str, Any]]:
    signed = [dict(block) for block in listed(said.get("thinking_blocks")) if is_replayable(block)]
    text = thoughts_in(said)
    return signed or ([{"type": "thinking", "thinking": text, "signature": MARK}] if text else [])


def _texts(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}] if (text := text_in(said)) else []


def _call(call: dict[str, Any], place: int, view: MessagesView) -> dict[str, Any]:
    function = object_of(call.get("function"))
    name, given = str(function.get("name") or ""), function.get("arguments")
    made = given if isinstance(given, dict) else parsed(str(given or "{}").encode("utf-8", "replace"))
    return {
        "type": "tool_use",
        "id": call_id(call, place, view),
        "name": view.long_names.get(name, name),
        # Models write invalid JSON now and then; the text still says what was meant.
        "input": made if made is not None else {"arguments": given},
    }


def call_id(call: dict[str, Any], place: int, view: MessagesView) -> str:
    """The id of a call; a made one if the upstream gave none."""
    given = call.get("id")
    return given if isinstance(given, str) and given else f"toolu_{message_id(view).removeprefix('msg_')}_{place}"


def _parts(said: dict[str, Any]) -> list[dict[str, Any]]:
    return objects(said.get("content"))


def _text_of(value: object) -> str:
    """A text, or the texts of a list of parts (Mistral's thoughts)."""
    if isinstance(value, str):
        return value
    return "".join(_text_of(part.get("text")) for part in objects(value))
