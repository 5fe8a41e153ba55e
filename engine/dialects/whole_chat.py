"""The chunks of a chat stream -> the whole answer that the upstream would have given without one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Text of these is said in pieces; other strings are said whole, some servers say them with every chunk.
PIECES = frozenset(
    {"content", "refusal", "reasoning_content", "reasoning", "thinking", "arguments", "text", "summary", "transcript"}
)
# What a stream adds that no whole answer has: padding, and where a tool call stands.
PADDING = "obfuscation"
Json = dict[str, Any]


class WholeChat:
    """Puts the chunks of one stream together, in their order."""

    def __init__(self) -> None:
        self._top: Json = {}
        self._choices: dict[int, Json] = {}

    def add(self, chunk: Mapping[str, Any]) -> None:
        """One chunk as JSON."""
        for key, value in chunk.items():
            if key == "choices":
                for choice in value or ():
                    self._add_choice(choice)
            elif key != PADDING and (value is not None or key not in self._top):
                self._top[key] = self._top.get(key) if key in ("id", "created") and self._top.get(key) else value

    def answer(self) -> Json:
        """The whole answer; without a token said, its choices have empty messages."""
        said = {key: value for key, value in self._top.items() if key not in ("object", "usage")}
        ordered = {"id": said.pop("id", None), "object": "chat.completion", **said}
        choices = [_choice(index, self._choices[index]) for index in sorted(self._choices)]
        usage = self._top.get("usage")
        return {**ordered, "choices": choices, **({} if usage is None else {"usage": usage})}

    def _add_choice(self, choice: Mapping[str, Any]) -> None:
        known = self._choices.setdefault(choice.get("index") or 0, {"message": {}})
        for key, value in choice.items():
            if key == "delta":
                _merge(known["message"], value or {})
            elif key == "logprobs":
                known[key] = _merge(known.get(key) or {}, value) if value else known.get(key)
            elif key != "index" and (value is not None or key not in known):
                known[key] = value


def _choice(index: int, known: Json) -> Json:
    message = {"role": "assistant", "content": None, **known["message"]}
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in calls]
        message["content"] = message["content"] or None
    rest = {key: value for key, value in known.items() if key not in ("message", "finish_reason")}
    return {"index": index, "message": message, **rest, "finish_reason": known.get("finish_reason")}


def _merge(into: Json, more: Mapping[str, Any]) -> Json:
    for key, value in more.items():
        into[key] = _merged(key, into.get(key), value)
    return into


def _merged(key: str, before: Any, value: Any) -> Any:
    """Pieces of text follow each other, objects and lists grow, the rest is as it was said last."""
    if value is None:
        return before
    if isinstance(value, Mapping):
        return _merge(before if isinstance(before, dict) else {}, value)
    if isinstance(value, list):
        return _grown(before if isinstance(before, list) else [], value)
    if isinstance(before, str) and isinstance(value, str):
        return before + value if key in PIECES else value or before
    return value


def _grown(before: list[Any], more: list[Any]) -> list[Any]:
    """Parts of one index are one; those without are one after another."""
    for part in more:
        index = part.get("index") if isinstance(part, Mapping) else None
        known = next((p for p in before if index is not None and p.get("index") == index), None)
        if known is None:
            before.append(_merge({}, part) if isinstance(part, Mapping) else part)
        else:
            _merge(known, part)
    return before
