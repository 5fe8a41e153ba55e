"""The messages of a chat request -> the input of a Responses request. Pure."""

from __future__ import annotations

from typing import Any

from engine.dialects.call_ids import shortened
from engine.dialects.shapes import object_of, objects
from engine.dialects.translation import Untranslatable

Item = dict[str, Any]
# Fields of messages that become items; others are reported.
KNOWN = frozenset({"role", "content", "refusal", "tool_calls", "tool_call_id", "annotations"})
# The same, but a request with them would mean something else without them.
NEEDED = frozenset({"audio", "function_call"})


class History:
    """Makes the items; `lost` are names of what they do not have. Raises Untranslatable."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.lost: list[str] = []
        # Calls of custom tools, whose outputs are of another type.
        self._custom: set[str] = set()

    def add(self, messages: object) -> None:
        """All messages of a request."""
        for place, message in enumerate(objects(messages)):
            path = f"messages[{place}]"
            for name, value in message.items():
                if value and name not in KNOWN:
                    self._lose(name, path)
            self._add_one(message, path)

    def _add_one(self, message: dict[str, Any], path: str) -> None:
        match message.get("role"):
            case "assistant":
                self._add_answer(message, path)
            case "tool":
                self._add_output(message, path)
            case "user" | "system" | "developer" as role:
                self.items.append({"role": role, "content": _content(message.get("content"), path)})
            case role:
                raise Untranslatable(path, f"Responses has no role '{role}'.")

    def _add_answer(self, message: dict[str, Any], path: str) -> None:
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) and content else objects(content)
        said = [part for part in map(_said, parts) if part is not None]
        if refusal := message.get("refusal"):
            said.append({"type": "refusal", "refusal": str(refusal)})
        if said:
            is_text = all(part["type"] == "output_text" for part in said)
            whole = "".join(part["text"] for part in said) if is_text else said
            self.items.append({"role": "assistant", "content": whole})
        for call in objects(message.get("tool_calls")):
            self.items.append(self._call(call))

    def _call(self, call: dict[str, Any]) -> Item:
        call_id = shortened(str(call.get("id") or ""))
        if call.get("type") == "custom":
            self._custom.add(call_id)
            custom = object_of(call.get("custom"))
            told = {"name": str(custom.get("name") or ""), "input": str(custom.get("input") or "")}
            return {"type": "custom_tool_call", "call_id": call_id, **told}
        function = object_of(call.get("function"))
        told = {"name": str(function.get("name") or ""), "arguments": str(function.get("arguments") or "{}")}
        return {"type": "function_call", "call_id": call_id, **told}

    def _add_output(self, message: dict[str, Any], path: str) -> None:
        call_id = shortened(str(message.get("tool_call_id") or ""))
        kind = "custom_tool_call_output" if call_id in self._custom else "function_call_output"
        output = _content(message.get("content"), path)
        self.items.append({"type": kind, "call_id": call_id, "output": output})

    def _lose(self, name: str, path: str) -> None:
        if name in NEEDED:
            raise Untranslatable(f"{path}.{name}", f"Responses has nothing like '{name}' of a message.")
        self.lost.append(f"messages.{name}")


def _content(content: object, path: str) -> str | list[Item]:
    if isinstance(content, str) or content is None:
        return content or ""
    return [_part(part, f"{path}.content[{place}]") for place, part in enumerate(objects(content))]


def _part(part: dict[str, Any], path: str) -> Item:
    mark = {"prompt_cache_breakpoint": part["prompt_cache_breakpoint"]} if part.get("prompt_cache_breakpoint") else {}
    match part.get("type"):
        case "text":
            return {"type": "input_text", "text": str(part.get("text") or ""), **mark}
        case "image_url":
            given = part.get("image_url")
            image = {"url": given} if isinstance(given, str) else object_of(given)
            return {
                "type": "input_image",
                "image_url": str(image.get("url") or ""),
                "detail": image.get("detail") or "auto",
                **mark,
            }
        case "file":
            return {"type": "input_file", **object_of(part.get("file")), **mark}
        case "input_audio":
            return {"type": "input_audio", "input_audio": object_of(part.get("input_audio"))}
        case kind:
            raise Untranslatable(path, f"Responses has no content of the type '{kind}'.")


def _said(part: dict[str, Any]) -> Item | None:
    if part.get("type") == "refusal":
        return {"type": "refusal", "refusal": str(part.get("refusal") or "")}
    text = part.get("text")
    return {"type": "output_text", "text": text} if isinstance(text, str) and text else None
