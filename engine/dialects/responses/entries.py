"""The items of a response while they grow: a thought, a message, a call. Pure."""

from __future__ import annotations

from typing import Any, Literal

from engine.dialects.responses.tools import ClientTool, custom_input

Status = Literal["in_progress", "completed", "incomplete"]


class Thought:
    """Reasoning; its text is shown only to clients that asked for summaries."""

    __slots__ = ("id", "index", "is_shown", "texts")

    def __init__(self, id: str, index: int, *, is_shown: bool) -> None:
        self.id, self.index, self.is_shown = id, index, is_shown
        self.texts: list[str] = []

    @property
    def summary(self) -> dict[str, Any]:
        """The one part of the summary."""
        return {"type": "summary_text", "text": "".join(self.texts)}

    def item(self, status: Status) -> dict[str, Any]:
        """The item in this state."""
        summary = [self.summary] if self.is_shown and self.texts else []
        return {"type": "reasoning", "id": self.id, "summary": summary, "status": status}


class Part:
    """A text or a refusal in a message."""

    __slots__ = ("annotations", "index", "is_refusal", "logprobs", "place", "texts")

    def __init__(self, index: int, place: dict[str, Any], *, is_refusal: bool) -> None:
        self.index, self.is_refusal = index, is_refusal
        # Where it is, as every event about it says.
        self.place = {**place, "content_index": index}
        self.texts: list[str] = []
        self.logprobs: list[object] = []
        self.annotations: list[dict[str, Any]] = []

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self.texts)

    @property
    def content(self) -> dict[str, Any]:
        """The part as an item has it."""
        if self.is_refusal:
            return {"type": "refusal", "refusal": self.text}
        told = {"annotations": self.annotations, "logprobs": self.logprobs}
        return {"type": "output_text", "text": self.text, **told}


class Message:
    """What the model says; `more` are fields that an upstream gave it."""

    __slots__ = ("id", "index", "more", "parts")

    def __init__(self, id: str, index: int, more: dict[str, Any] | None = None) -> None:
        self.id, self.index, self.more = id, index, more or {}
        self.parts: list[Part] = []

    def item(self, status: Status) -> dict[str, Any]:
        """The item in this state."""
        content = [part.content for part in self.parts]
        told = {"type": "message", "id": self.id, "role": "assistant", "status": status, "content": content}
        return {**told, **self.more}


class ToolCall:
    """A call of a tool; it has a place in the output (`index`) once its name is known."""

    __slots__ = ("arguments", "call_id", "id", "index", "name", "tool")

    def __init__(self, call_id: str) -> None:
        self.call_id, self.name, self.id, self.index = call_id, "", "", -1
        self.arguments: list[str] = []
        self.tool = ClientTool("")

    @property
    def text(self) -> str:
        """The arguments, or the input of a custom tool, as the client gets them."""
        arguments = "".join(self.arguments)
        return custom_input(arguments) if self.tool.is_custom else arguments

    def item(self, status: Status) -> dict[str, Any]:
        """The item in this state; before its end it has no arguments."""
        kind, content = ("custom_tool_call", "input") if self.tool.is_custom else ("function_call", "arguments")
        text = "" if status == "in_progress" else self.text
        item = {"type": kind, "id": self.id, "call_id": self.call_id, "name": self.tool.name, content: text}
        namespace = {"namespace": self.tool.namespace} if self.tool.namespace else {}
        return {**item, **namespace, "status": status}


Entry = Thought | Message | ToolCall
