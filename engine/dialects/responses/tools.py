"""The client's tools as functions of chat, and the names of those functions back to the client's. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json

from engine.dialects.responses.checks import Remarks, list_of, object_of, text_of
from engine.dialects.translation import Malformed

# Chat's rule for names of functions.
LONGEST_NAME = 64
UNUSABLE = re.compile(r"[^a-zA-Z0-9_-]")
BETWEEN = "__"
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
FUNCTION_FIELDS = frozenset({"type", "name", "description", "parameters", "strict"})
CUSTOM_FIELDS = frozenset({"type", "name", "description", "format"})
CHOICES = frozenset({"auto", "none", "required"})
HOW_TO_CALL = "Put the whole input of this tool into `input`, as plain text."


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool as the client knows it. `is_custom`: its input is a text, not JSON."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


class Toolbox:
    """The tools of one request: `functions` for chat, and which tool of the client each of them is."""

    def __init__(self) -> None:
        self.functions: list[dict[str, Any]] = []
        self._clients: dict[str, ClientTool] = {}
        self._names: dict[tuple[str | None, str], str] = {}

    def add(self, tools: list[dict[str, Any]], path: str, remarks: Remarks) -> None:
        """Tools as the client lists them; those that only a provider of Responses can run are dropped."""
        for place, tool in enumerate(tools):
            self._add_one(tool, f"{path}[{place}]", remarks)

    def _add_one(self, tool: dict[str, Any], path: str, remarks: Remarks) -> None:
        match text_of(tool.get("type"), f"{path}.type"):
            case "function":
                self._add_function(tool, None, path, remarks)
            case "custom":
                self._add_custom(tool, None, path, remarks)
            case "namespace":
                self._add_namespace(tool, path, remarks)
            case hosted:
                remarks.drop(f"tools.{hosted}")

    def _add_namespace(self, tool: dict[str, Any], path: str, remarks: Remarks) -> None:
        namespace = text_of(tool.get("name"), f"{path}.name")
        about = tool.get("description")
        for place, inner in enumerate(list_of(tool.get("tools"), f"{path}.tools")):
            # Models read all tools together: once is enough.
            told = {**inner, "description": _joined(about, inner.get("description"))} if not place and about else inner
            add = self._add_custom if inner.get("type") == "custom" else self._add_function
            add(told, namespace, f"{path}.tools[{place}]", remarks)

    def _add_function(self, tool: dict[str, Any], namespace: str | None, path: str, remarks: Remarks) -> None:
        remarks.drop_others(tool, FUNCTION_FIELDS, "tools")
        client = ClientTool(text_of(tool.get("name"), f"{path}.name"), namespace)
        function: dict[str, Any] = {"parameters": object_of(tool.get("parameters"), f"{path}.parameters")}
        if not function["parameters"]:
            function["parameters"] = NO_PARAMETERS
        if tool.get("strict"):
            function["strict"] = True
        self._keep(client, tool.get("description"), function)

    def _add_custom(self, tool: dict[str, Any], namespace: str | None, path: str, remarks: Remarks) -> None:
        remarks.drop_others(tool, CUSTOM_FIELDS, "tools")
        client = ClientTool(text_of(tool.get("name"), f"{path}.name"), namespace, is_custom=True)
        form = object_of(tool.get("format"), f"{path}.format")
        about = _joined(tool.get("description"), HOW_TO_CALL, _grammar(form))
        parameters = {
            "type": "object",
            "properties": {"input": {"type": "string"}},
            "required": ["input"],
            "additionalProperties": False,
        }
        self._keep(client, about, {"parameters": parameters})

    def _keep(self, client: ClientTool, about: object, function: dict[str, Any]) -> None:
        if (client.namespace, client.name) in self._names:
            return
        name = _name_in_chat(client.namespace, client.name)
        if name in self._clients:
            name = _shortened(name, f"{client.namespace}{BETWEEN}{client.name}")
        self._clients[name], self._names[client.namespace, client.name] = client, name
        told = {"description": about} if isinstance(about, str) and about else {}
        self.functions.append({"type": "function", "function": {"name": name, **told, **function}})

    def name_in_chat(self, namespace: str | None, name: str) -> str:
        """The name of the client's tool in chat, also of one that is no longer offered."""
        return self._names.get((namespace, name)) or _name_in_chat(namespace, name)

    def client_tool(self, name: str) -> ClientTool:
        """The client's tool behind a function that a model calls, also one that it made up."""
        return self._clients.get(name) or ClientTool(name)

    def choose(self, choice: object, remarks: Remarks) -> dict[str, Any]:
        """`tools` and `tool_choice` of the chat request; nothing without tools."""
        if choice is not None and not isinstance(choice, (str, dict)):
            raise Malformed("tool_choice", "'tool_choice' must be a string or an object.")
        if isinstance(choice, dict):
            return self._chosen(choice, remarks)
        if choice is not None and choice not in CHOICES:
            raise Malformed("tool_choice", "'tool_choice' must be 'none', 'auto', 'required' or an object.")
        return self._offered(self.functions, choice, remarks)

    def _chosen(self, choice: dict[str, Any], remarks: Remarks) -> dict[str, Any]:
        match text_of(choice.get("type"), "tool_choice.type"):
            case "function" | "custom":
                name = self._offered_name(choice, "tool_choice", remarks)
                return {"tools": self.functions, "tool_choice": _only(name)} if name else {}
            case "allowed_tools":
                return self._allowed(choice, remarks)
            case hosted:
                remarks.cannot("tool_choice", f"The tool '{hosted}' runs at the provider, which chat can't ask for.")
                return {}

    def _allowed(self, choice: dict[str, Any], remarks: Remarks) -> dict[str, Any]:
        allowed = list_of(choice.get("tools"), "tool_choice.tools")
        mine = [tool for tool in allowed if tool.get("type") in ("function", "custom")]
        names = {self._offered_name(tool, "tool_choice.tools", remarks) for tool in mine}
        functions = [tool for tool in self.functions if tool["function"]["name"] in names]
        mode = choice.get("mode")
        return self._offered(functions, mode if isinstance(mode, str) and mode in CHOICES else "auto", remarks)

    def _offered(self, functions: list[dict[str, Any]], choice: str | None, remarks: Remarks) -> dict[str, Any]:
        if functions:
            return {"tools": functions, **({"tool_choice": choice} if choice else {})}
        if choice == "required":
            remarks.cannot("tool_choice", "A tool must be called, but chat has none of the tools of this request.")
        return {}

    def _offered_name(self, tool: Mapping[str, Any], path: str, remarks: Remarks) -> str:
        name, namespace = text_of(tool.get("name"), f"{path}.name"), tool.get("namespace")
        known = self._names.get((namespace if isinstance(namespace, str) else None, name))
        if known is None:
            known = next((mine for (_, client), mine in self._names.items() if client == name), None)
        if known is None:
            remarks.cannot(path, f"The tool '{name}' is not among the tools of this request.")
        return known or ""


def custom_arguments(text: str) -> str:
    """The arguments of the function that stands for a custom tool."""
    return to_json({"input": text}).decode()


def custom_input(arguments: str) -> str:
    """The text for a custom tool from such arguments; the arguments themselves where a model did not obey."""
    try:
        said = from_json(arguments)
    except ValueError:
        return arguments
    text = said.get("input") if isinstance(said, dict) else said
    return text if isinstance(text, str) else arguments


def _only(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _name_in_chat(namespace: str | None, name: str) -> str:
    whole = f"{namespace}{BETWEEN}{name}" if namespace else name
    plain = UNUSABLE.sub("_", whole)
    return plain if plain == whole and len(plain) <= LONGEST_NAME else _shortened(plain, whole)


def _shortened(plain: str, whole: str) -> str:
    """A name that fits, and differs from those of other tools that look alike."""
    return f"{plain[: LONGEST_NAME - 9]}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _grammar(form: Mapping[str, Any]) -> str:
    if form.get("type") != "grammar":
        return ""
    return f"The input must match this {form.get('syntax') or 'lark'} grammar:\n{form.get('definition') or ''}"


def _joined(*texts: object) -> str:
    return "\n\n".join(_told(texts))


def _told(texts: Iterable[object]) -> Iterable[str]:
    return (text for text in texts if isinstance(text, str) and text)
