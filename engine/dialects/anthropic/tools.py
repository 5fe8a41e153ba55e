"""Tools, the choice among them, and schemas of a chat request for Anthropic. Pure."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from engine.dialects.translation import Untranslatable

SCHEMA_TOOL = "json_answer"
SCHEMA_TOOL_TEXT = "Give the whole answer as the input of this tool."
JSON_ONLY = "Answer with one JSON object only: no other text, and no code fence."
EMPTY = {"type": "object", "properties": {}}
# Keywords of a schema with values, not schemas, in them.
VALUES = frozenset({"enum", "const", "default", "examples", "required"})
CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def add(chat: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """Adds tools and the choice among them to a Messages request; returns what is lost. Raises Untranslatable."""
    given = chat.get("tools")
    if not given:
        return []
    if not isinstance(given, list):
        raise Untranslatable("tools", "'tools' must be a list.")
    lost: list[str] = []
    found = [_tool(tool, f"tools[{place}]", lost) for place, tool in enumerate(given)]
    choice, names = _choice(chat.get("tool_choice"))
    body["tools"] = [tool for tool in found if names is None or tool["name"] in names]
    if chat.get("parallel_tool_calls") is False and choice.get("type") != "none":
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    if choice:
        body["tool_choice"] = choice
    return lost


def add_schema(chat: dict[str, Any], body: dict[str, Any], *, takes_schema: bool) -> tuple[str | None, list[str]]:
    """Adds the schema of the answer: as such, as a tool that must be called, or in words. Returns the name of the tool
    and what is lost."""
    wish = chat.get("response_format")
    kind = wish.get("type") if isinstance(wish, dict) else None
    if wish is None or kind == "text":
        return None, []
    schema = _schema_of(wish) if kind == "json_schema" else None
    if schema is not None and takes_schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": closed(schema)}}
        return None, []
    if schema is not None and not body.get("tools"):
        body["tools"] = [{"name": SCHEMA_TOOL, "description": SCHEMA_TOOL_TEXT, "input_schema": _object(schema)}]
        body["tool_choice"] = {"type": "tool", "name": SCHEMA_TOOL, "disable_parallel_tool_use": True}
        return SCHEMA_TOOL, []
    text = JSON_ONLY if schema is None else f"{JSON_ONLY} It must fit this JSON schema: {_compact(schema)}"
    body["system"] = [*body.get("system", ()), {"type": "text", "text": text}]
    return None, ["response_format"]


def closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` on every object: Anthropic takes no other."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: closed(value) if name not in ("enum", "const", "default") else value for name, value in schema.items()
    }
    kind = schema.get("type")
    is_object = kind == "object" or (isinstance(kind, list) and "object" in kind)
    return {**kept, "additionalProperties": False} if is_object else kept


def _tool(tool: object, param: str, lost: list[str]) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Untranslatable(param, "Only tools of type 'function' have an equivalent at Anthropic.")
    if function.get("strict"):
        # Anthropic's strict tools take a smaller part of JSON schema, and refuse the rest.
        lost.append("tools.strict")
    made = {"name": function["name"], "input_schema": _object(function.get("parameters"))}
    if isinstance(said := function.get("description"), str):
        made["description"] = said
    mark = tool.get("cache_control") or function.get("cache_control")
    return {**made, "cache_control": mark} if isinstance(mark, dict) else made


def _object(schema: object) -> dict[str, Any]:
    if not isinstance(schema, dict) or not schema:
        return EMPTY
    return schema if schema.get("type") == "object" else {**schema, "type": "object"}


def _choice(given: object) -> tuple[dict[str, Any], frozenset[str] | None]:
    """Anthropic's choice, and the names of the tools that are allowed (None: all)."""
    if given is None or isinstance(given, str):
        return ({"type": CHOICES[given]} if given in CHOICES and given != "auto" else {}), None
    kind = given.get("type") if isinstance(given, dict) else None
    if isinstance(given, dict) and kind == "function":
        return {"type": "tool", "name": _name_in(given)}, None
    allowed = given.get("allowed_tools") if isinstance(given, dict) and kind == "allowed_tools" else None
    if isinstance(allowed, dict) and isinstance(rows := allowed.get("tools"), list):
        choice, _ = _choice(allowed.get("mode"))
        return choice, frozenset(_name_in(row) for row in rows)
    raise Untranslatable("tool_choice", "This 'tool_choice' has no equivalent at Anthropic.")


def _name_in(row: object) -> str:
    function = row.get("function") if isinstance(row, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise Untranslatable("tool_choice", "'tool_choice' must name functions.")
    return name


def _schema_of(wish: dict[str, Any]) -> dict[str, Any] | None:
    inner = wish.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(schema, dict):
        return None
    about = inner.get("description")
    return {"description": about, **schema} if isinstance(about, str) and about else schema


def _compact(schema: dict[str, Any]) -> str:
    return to_json(schema).decode()
