"""Events of an upstream's Responses stream -> chunks of a chat stream. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.dialects.responses.upstream.answer import BETWEEN, call_of, chat_usage, citation_of, finish_of, head_of
from engine.dialects.shapes import object_of, objects

Chunk = dict[str, Any]
THOUGHTS = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
ARGUMENTS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
ENDS = frozenset({"response.completed", "response.incomplete"})
BEGINS = frozenset({"response.created", "response.in_progress", "response.queued"})


class ResponseChunks:
    """The decoder of one stream; `created` (Unix seconds) where the upstream says nothing. `is_done` after its end."""

    def __init__(self, *, created: int) -> None:
        self._head: dict[str, Any] = {"object": "chat.completion.chunk", **head_of({}, created)}
        self._has_begun = False
        # By item: what came before in the same field of a delta, and the numbers of calls.
        self._told: dict[str, object] = {}
        self._calls: dict[object, _Call] = {}
        # Items whose content has come in deltas.
        self._come: set[object] = set()
        self.is_done = False

    def event(self, fields: dict[str, Any]) -> list[Chunk]:
        """The chunks for one event; unknown events have none. An error is a chunk with `error`."""
        kind = fields.get("type")
        if kind == "response.output_text.delta":
            return self._text(fields)
        if kind in ARGUMENTS:
            return self._arguments(fields)
        if kind in THOUGHTS:
            return self._said("reasoning_content", fields, (_item_of(fields), fields.get("summary_index")))
        rule = RULES.get(kind) if isinstance(kind, str) else None
        return rule(self, fields) if rule else []

    def goes_on(self, texts: Sequence[bytes]) -> None:
        """Further texts where the last one was: nothing depends on them."""

    def _begin(self, fields: dict[str, Any]) -> list[Chunk]:
        """The first chunk, once."""
        if self._has_begun:
            return []
        self._has_begun = True
        self._head |= head_of(object_of(fields.get("response")), self._head["created"])
        return [self._chunk({"role": "assistant", "content": ""})]

    def _text(self, fields: dict[str, Any]) -> list[Chunk]:
        chunks = self._said("content", fields, _item_of(fields))
        if chunks and (told := objects(fields.get("logprobs"))):
            chunks[-1]["choices"][0]["logprobs"] = {"content": told, "refusal": None}
        return chunks

    def _refusal(self, fields: dict[str, Any]) -> list[Chunk]:
        return self._said("refusal", fields, _item_of(fields))

    def _said(self, name: str, fields: dict[str, Any], key: object, delta: str = "delta") -> list[Chunk]:
        """Text in this field of a delta; between texts of different items is a blank line."""
        text = fields.get(delta)
        if not isinstance(text, str) or not text:
            return []
        self._come.add(_item_of(fields))
        chunk = self._chunk({name: BETWEEN + text if self._told.get(name, key) != key else text})
        self._told[name] = key
        return [chunk]

    def _note(self, fields: dict[str, Any]) -> list[Chunk]:
        note = citation_of(object_of(fields.get("annotation")))
        return [self._chunk({"annotations": [note]})] if note else []

    def _item(self, fields: dict[str, Any]) -> list[Chunk]:
        """A call begins."""
        key, call = _item_of(fields), call_of(object_of(fields.get("item")))
        if call is None or key in self._calls:
            return []
        self._calls[key] = known = _Call(len(self._calls), is_custom=call["type"] == "custom")
        if known.is_custom:
            call["custom"]["input"] = ""
        else:
            call["function"]["arguments"] = ""
        return [self._chunk({"tool_calls": [{"index": known.number, **call}]})]

    def _arguments(self, fields: dict[str, Any]) -> list[Chunk]:
        key, text = _item_of(fields), fields.get("delta")
        call = self._calls.get(key)
        if call is None or not isinstance(text, str) or not text:
            return []
        self._come.add(key)
        return [self._more(call, text)]

    def _more(self, call: _Call, text: str) -> Chunk:
        told = {"type": "custom", "custom": {"input": text}} if call.is_custom else {"function": {"arguments": text}}
        return self._chunk({"tool_calls": [{"index": call.number, **told}]})

    def _done(self, fields: dict[str, Any]) -> list[Chunk]:
        """An item ended: what came in no delta is told now, because some servers send none."""
        item, key = object_of(fields.get("item")), _item_of(fields)
        chunks = self._item(fields)
        if key in self._come:
            return chunks
        self._come.add(key)
        if (call := call_of(item)) is not None:
            text = call["custom"]["input"] if self._calls[key].is_custom else call["function"]["arguments"]
            return chunks + ([self._more(self._calls[key], text)] if text else [])
        if item.get("type") == "message":
            for part in objects(item.get("content")):
                told = {**part, "output_index": fields.get("output_index"), "item_id": fields.get("item_id")}
                chunks += self._said("content", told, key, "text") + self._said("refusal", told, key, "refusal")
        return chunks

    def _end(self, fields: dict[str, Any]) -> list[Chunk]:
        response = object_of(fields.get("response"))
        chunks = self._begin(fields)
        untold = [] if self._come else objects(response.get("output"))
        for place, item in enumerate(untold):
            chunks += self._done({"output_index": place, "item": item})
        self.is_done = True
        chunks.append(self._chunk({}, finish_of(response, has_calls=bool(self._calls))))
        usage = chat_usage(response.get("usage"))
        return [*chunks, {**self._head, "choices": [], "usage": usage}] if usage else chunks

    def _failed(self, fields: dict[str, Any]) -> list[Chunk]:
        told = object_of(fields.get("response")).get("error") or fields.get("error")
        known = {name: fields[name] for name in ("code", "message", "param") if fields.get(name) is not None}
        return [{"error": told or known or {"message": "The response failed."}}]

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> Chunk:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}


class _Call:
    __slots__ = ("is_custom", "number")

    def __init__(self, number: int, *, is_custom: bool) -> None:
        self.number, self.is_custom = number, is_custom


Rule = Callable[[ResponseChunks, dict[str, Any]], list[Chunk]]
RULES: dict[str, Rule] = {
    **dict.fromkeys(BEGINS, ResponseChunks._begin),
    **dict.fromkeys(ENDS, ResponseChunks._end),
    "response.refusal.delta": ResponseChunks._refusal,
    "response.output_text.annotation.added": ResponseChunks._note,
    "response.output_item.added": ResponseChunks._item,
    "response.output_item.done": ResponseChunks._done,
    "response.failed": ResponseChunks._failed,
    "error": ResponseChunks._failed,
}


def _item_of(fields: dict[str, Any]) -> object:
    """The item of an event, by its place in the output."""
    place = fields.get("output_index")
    return place if type(place) is int else str(fields.get("item_id") or object_of(fields.get("item")).get("id") or "")
