"""Deltas of chat -> the growing output of a response. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from engine.dialects.responses.begun import Begun
from engine.dialects.responses.entries import Entry, Message, Part, Status, Thought, ToolCall
from engine.dialects.responses.tools import Toolbox

# Tells the client of an event: its type, and its fields beside the type.
Tell = Callable[[str, dict[str, Any]], None]
NewId = Callable[[str], str]
THOUGHTS = ("reasoning_content", "reasoning")
TEXT_DELTA = "response.output_text.delta"
THOUGHT_DELTA = "response.reasoning_summary_text.delta"
ARGUMENTS_DELTA = "response.function_call_arguments.delta"


@dataclass(frozen=True, slots=True)
class Open:
    """What more text would go on with: its texts so far, and the event that tells of more, with the fields beside the
    text. Where `event` is empty, nobody is told before the end."""

    texts: list[str]
    event: str
    place: Mapping[str, Any]
    rest: Mapping[str, Any]


class Output:
    """The items of one response, in the order in which they began; each change is told.

    One text or thought is open at a time. Calls stay open until the end, because some upstreams tell parallel calls
    interleaved. A delta is an upstream's: what it has of another type is left out.
    """

    def __init__(self, tools: Toolbox, new_id: NewId, tell: Tell, *, shows_thoughts: bool) -> None:
        self._tools, self._new_id = tools, new_id
        self._tell = tell
        self._shows_thoughts = shows_thoughts
        self._entries: list[Entry] = []
        self._open: Thought | Message | None = None
        self._part: Part | None = None
        self._calls: dict[object, ToolCall] = {}
        self._ended: dict[int, dict[str, Any]] = {}

    def go_on(self, begun: Begun, text: str) -> None:
        """From an open text, with the items before it as they came."""
        for index, item in enumerate(begun.ended):
            self._entries.append(Thought(str(item.get("id")), index, is_shown=False))
            self._ended[index] = item
        more = {name: value for name, value in begun.message.items() if name not in ("id", "status", "content")}
        self._open = message = Message(str(begun.message["id"]), len(begun.ended), more)
        self._part = part = Part(begun.part, _place(message), is_refusal=False)
        part.texts.append(text)
        part.logprobs += begun.logprobs
        message.parts.append(part)
        self._entries.append(message)

    def items(self, status: Status = "incomplete") -> list[dict[str, Any]]:
        """All items; `status` is that of those which are still open."""
        return [self._ended.get(entry.index) or entry.item(status) for entry in self._entries]

    def add(self, delta: dict[str, Any], logprobs: object = None) -> None:
        """The next delta, or a whole message."""
        for name in THOUGHTS:
            if isinstance(thought := delta.get(name), str) and thought:
                self._add_thought(thought)
                break
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                self._add_text(content, logprobs)
        elif isinstance(content, list):
            self._add_parts(content, logprobs)
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self._add_refusal(refusal)
        if isinstance(notes := delta.get("annotations"), list):
            self._annotate(notes)
        if isinstance(calls := delta.get("tool_calls"), list):
            for place, call in enumerate(calls):
                self._add_call(place, call)
        if isinstance(call := delta.get("function_call"), dict):
            self._add_call(0, {"function": call})

    def open_for(self, delta: dict[str, Any]) -> Open | None:
        """What another delta like this one, which has been added, goes on with; None if it may do anything else."""
        [name, *others] = [key for key, value in delta.items() if value and key != "role"] or [""]
        if others:
            return None
        if name == "content" and self._part is not None and not self._part.is_refusal:
            return Open(self._part.texts, TEXT_DELTA, self._part.place, {"logprobs": []})
        if name in THOUGHTS and isinstance(self._open, Thought):
            return Open(self._open.texts, THOUGHT_DELTA if self._open.is_shown else "", _summary(self._open), {})
        if name == "tool_calls" and len(delta[name]) == 1 and isinstance(piece := delta[name][0], dict):
            index = piece.get("index")
            call = self._calls.get(index if type(index) is int else 0)
            if call is not None and call.index >= 0:
                return Open(call.arguments, "" if call.tool.is_custom else ARGUMENTS_DELTA, _place(call), {})
        return None

    def end(self, status: Status, *, is_answer: bool = False) -> None:
        """Closes what is open. `is_answer`: without an item, the model has answered with an empty text."""
        if is_answer and not self._entries and not self._calls:
            self._text_part(is_refusal=False)
        for call in self._calls.values():
            if call.index < 0:
                self._begin_call(call)
        for entry in sorted(self._calls.values(), key=lambda call: call.index):
            if self._open is not None and self._open.index < entry.index:
                self._end_open(status)
            self._end_call(entry, self._status_of(entry, status))
        self._end_open(status)

    def _status_of(self, entry: Entry, status: Status) -> Status:
        """Only the last item can be cut."""
        return status if entry.index == len(self._entries) - 1 else "completed"

    def _add_parts(self, parts: list[Any], logprobs: object) -> None:
        """Texts and thoughts as Mistral lists them."""
        for part in parts:
            if not isinstance(part, dict):
                continue
            if isinstance(text := part.get("text"), str) and text:
                self._add_text(text, logprobs)
            thought = part.get("thinking")
            for inner in thought if isinstance(thought, list) else [{"text": thought}]:
                if isinstance(inner, dict) and isinstance(text := inner.get("text"), str) and text:
                    self._add_thought(text)

    # Thoughts

    def _add_thought(self, text: str) -> None:
        thought = self._open if isinstance(self._open, Thought) else self._begin_thought()
        thought.texts.append(text)
        if thought.is_shown:
            self._tell(THOUGHT_DELTA, {**_summary(thought), "delta": text})

    def _begin_thought(self) -> Thought:
        self._end_open("completed")
        self._open = thought = Thought(self._new_id("rs"), len(self._entries), is_shown=self._shows_thoughts)
        self._begin(thought)
        if thought.is_shown:
            part = {"type": "summary_text", "text": ""}
            self._tell("response.reasoning_summary_part.added", {**_summary(thought), "part": part})
        return thought

    def _end_thought(self, thought: Thought) -> None:
        if thought.is_shown:
            part = thought.summary
            self._tell("response.reasoning_summary_text.done", {**_summary(thought), "text": part["text"]})
            self._tell("response.reasoning_summary_part.done", {**_summary(thought), "part": part})

    # Messages

    def _add_text(self, text: str, logprobs: object) -> None:
        part = self._part
        if part is None or part.is_refusal:
            part = self._text_part(is_refusal=False)
        told = _logprobs(logprobs) if logprobs else []
        part.texts.append(text)
        if told:
            part.logprobs += told
        self._tell(TEXT_DELTA, {**part.place, "delta": text, "logprobs": told})

    def _add_refusal(self, text: str) -> None:
        part = self._part if self._part is not None and self._part.is_refusal else self._text_part(is_refusal=True)
        part.texts.append(text)
        self._tell("response.refusal.delta", {**part.place, "delta": text})

    def _annotate(self, notes: list[Any]) -> None:
        for note in notes:
            cited = note.get("url_citation") if isinstance(note, dict) else None
            if not isinstance(cited, dict):
                continue
            part = self._part if self._part is not None and not self._part.is_refusal else None
            part = part or self._text_part(is_refusal=False)
            part.annotations.append(annotation := {"type": "url_citation", **cited})
            place = {**part.place, "annotation_index": len(part.annotations) - 1}
            self._tell("response.output_text.annotation.added", {**place, "annotation": annotation})

    def _text_part(self, *, is_refusal: bool) -> Part:
        """A new part, in the open message or a new one."""
        if isinstance(self._open, Message):
            message = self._open
            self._end_part()
        else:
            self._end_open("completed")
            self._open = message = Message(self._new_id("msg"), len(self._entries))
            self._begin(message)
        self._part = part = Part(len(message.parts), _place(message), is_refusal=is_refusal)
        self._tell("response.content_part.added", {**part.place, "part": part.content})
        message.parts.append(part)
        return part

    def _end_part(self) -> None:
        part, self._part = self._part, None
        if part is None:
            return
        content = part.content
        if part.is_refusal:
            self._tell("response.refusal.done", {**part.place, "refusal": content["refusal"]})
        else:
            told = {"text": content["text"], "logprobs": part.logprobs}
            self._tell("response.output_text.done", {**part.place, **told})
        self._tell("response.content_part.done", {**part.place, "part": content})

    # Calls

    def _add_call(self, place: int, piece: object) -> None:
        if not isinstance(piece, dict):
            return
        function = piece.get("function")
        said = function if isinstance(function, dict) else {}
        call = self._call_of(place, piece, said)
        if isinstance(name := said.get("name"), str) and call.index < 0:
            call.name += name
        if call.name and call.index < 0:
            self._begin_call(call)
        arguments = said.get("arguments")
        text = to_json(arguments).decode() if isinstance(arguments, (dict, list)) else arguments
        if isinstance(text, str) and text:
            self._add_arguments(call, text)

    def _call_of(self, place: int, piece: dict[str, Any], said: dict[str, Any]) -> ToolCall:
        """The call that this is a piece of.

        Some upstreams number no call, or all calls 0: another id beside a name is another call.
        """
        index, id = piece.get("index"), piece.get("id")
        key = index if type(index) is int else place
        call = self._calls.get(key)
        is_new = call is None or (isinstance(id, str) and id and said.get("name") and call.call_id != id)
        if call is None or is_new:
            if call is not None:  # the earlier one keeps its place under a key that nothing refers to
                self._calls[object()] = call
            given = isinstance(id, str) and id
            call = self._calls[key] = ToolCall(str(id) if given else self._new_id("call"))
        return call

    def _begin_call(self, call: ToolCall) -> None:
        self._end_open("completed")
        call.tool = self._tools.client_tool(call.name)
        call.id = self._new_id("ctc" if call.tool.is_custom else "fc")
        call.index = len(self._entries)
        early, call.arguments = call.arguments, []
        self._begin(call)
        for text in early:
            self._add_arguments(call, text)

    def _add_arguments(self, call: ToolCall, text: str) -> None:
        call.arguments.append(text)
        # The input of a custom tool is inside JSON: it can be told when that has ended.
        if call.index >= 0 and not call.tool.is_custom:
            self._tell(ARGUMENTS_DELTA, {**_place(call), "delta": text})

    def _end_call(self, call: ToolCall, status: Status) -> None:
        if not call.arguments and status == "completed" and not call.tool.is_custom:
            self._add_arguments(call, "{}")  # clients parse them
        place, text = _place(call), call.text
        if call.tool.is_custom:
            if text:
                self._tell("response.custom_tool_call_input.delta", {**place, "delta": text})
            self._tell("response.custom_tool_call_input.done", {**place, "input": text})
        else:
            told = {"name": call.tool.name, "arguments": text}
            self._tell("response.function_call_arguments.done", {**place, **told})
        self._end(call, status)

    # All items

    def _begin(self, entry: Entry) -> None:
        self._entries.append(entry)
        item = entry.item("in_progress")
        self._tell("response.output_item.added", {"output_index": entry.index, "item": item})

    def _end_open(self, status: Status) -> None:
        entry, self._open = self._open, None
        if isinstance(entry, Thought):
            self._end_thought(entry)
        elif isinstance(entry, Message):
            self._end_part()
        if entry is not None:
            self._end(entry, status)

    def _end(self, entry: Entry, status: Status) -> None:
        self._ended[entry.index] = item = entry.item(status)
        self._tell("response.output_item.done", {"output_index": entry.index, "item": item})


def _place(entry: Entry) -> dict[str, Any]:
    return {"item_id": entry.id, "output_index": entry.index}


def _summary(thought: Thought) -> dict[str, Any]:
    return {**_place(thought), "summary_index": 0}


def _logprobs(told: object) -> list[object]:
    content = told.get("content") if isinstance(told, dict) else None
    return content if isinstance(content, list) else []
