"""Tools of a Messages request, and the choice among them, for chat. Pure."""

from __future__ import annotations

from typing import Any

from engine.dialects.call_ids import shortened
from engine.dialects.translation import Malformed

# OpenAI's limit of the length of a tool's name; Anthropic's is longer.
LONGEST_NAME = 64
MARK = "cache_control"
CHOICES = {"auto": "auto", "any": "required", "none": "none"}
KNOWN_FIELDS = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})


class Names:
    """The names of tools in chat: long ones get a short one, which is the same in every request."""

    def __init__(self) -> None:
        self.long_names: dict[str, str] = {}

    def short(self, name: str) -> str:
        """The name in chat; `long_names` has the way back."""
        made = shortened(name, LONGEST_NAME)
        if made != name:
            self.long_names[made] = name
        return made


def call_id(given: object) -> str:
    """The id of a call."""
    return given if isinstance(given, str) else ""


def add(body: dict[str, Any], chat: dict[str, Any], names: Names, *, keeps_marks: bool = False) -> list[str]:
    """Adds tools and the choice among them to a chat request; returns what is lost. Raises Malformed.

    Tools that run at Anthropic, or that only Claude was trained for, are lost. `keeps_marks` is for those of the cache.
    """
    given, lost = body.get("tools"), list[str]()
    if given is not None and not isinstance(given, list):
        raise Malformed("tools", "'tools' must be a list.")
    made = [tool for place, one in enumerate(given or ()) if (tool := _tool(one, place, names, lost)) is not None]
    if not made:
        return lost
    if keeps_marks:
        lost = [name for name in lost if name != MARK]
        marks = {tool["name"]: mark for tool in given or () if isinstance(mark := tool.get(MARK), dict)}
        made = [{**one, MARK: mark} if (mark := marks.get(_name_of(one, names))) else one for one in made]
    chat["tools"] = made
    choice = body.get("tool_choice")
    if choice is None:
        return lost
    if not isinstance(choice, dict):
        raise Malformed("tool_choice", "'tool_choice' must be an object.")
    if (kept := _choice(choice, made, names)) is not None:
        chat["tool_choice"] = kept
    if choice.get("disable_parallel_tool_use") is True:
        chat["parallel_tool_calls"] = False
    return lost


def _name_of(tool: dict[str, Any], names: Names) -> str:
    name: str = tool["function"]["name"]
    return names.long_names.get(name, name)


def _tool(tool: object, place: int, names: Names, lost: list[str]) -> dict[str, Any] | None:
    if not isinstance(tool, dict) or not isinstance(name := tool.get("name"), str) or not name:
        if isinstance(tool, dict) and isinstance(tool.get("type"), str) and tool["type"] != "custom":
            lost.append(f"tools.{tool['type'][:40]}")
            return None
        raise Malformed(f"tools[{place}].name", f"'tools[{place}]' must have a name.")
    if tool.get("type") not in (None, "custom"):
        lost.append(f"tools.{str(tool['type'])[:40]}")
        return None
    lost += [f"tools.{key}" for key, value in tool.items() if key not in KNOWN_FIELDS and value is not None]
    lost += [MARK] if tool.get(MARK) else []
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise Malformed(f"tools[{place}].input_schema", f"'tools[{place}].input_schema' must be an object.")
    function = {"name": names.short(name), "parameters": schema}
    if isinstance(said := tool.get("description"), str) and said:
        function["description"] = said
    if isinstance(tool.get("strict"), bool):
        function["strict"] = tool["strict"]
    return {"type": "function", "function": function}


def _choice(choice: dict[str, Any], made: list[dict[str, Any]], names: Names) -> Any:
    kind = choice.get("type")
    if kind != "tool":
        if not isinstance(kind, str) or kind not in CHOICES:
            raise Malformed("tool_choice.type", "'tool_choice.type' must be auto, any, tool or none.")
        return CHOICES[kind]
    name = names.short(str(choice.get("name")))
    known = any(tool["function"]["name"] == name for tool in made)
    return {"type": "function", "function": {"name": name}} if known else None
