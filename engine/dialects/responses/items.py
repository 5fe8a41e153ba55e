"""The input of a Responses request -> the messages of a chat request. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

from engine.dialects.responses.checks import Remarks, list_of, text_of
from engine.dialects.responses.parts import content_of, is_text, parts_of
from engine.dialects.responses.tools import Toolbox, custom_arguments
from engine.dialects.translation import Malformed

ROLES = frozenset({"user", "assistant", "system", "developer"})
OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
# Items with more tools; the provider's own search for tools gives some, too.
MORE_TOOLS = frozenset({"additional_tools", "tool_search_output"})
# What a chat model can do without: it has the text that came of it.
DROPPED = frozenset(
    {
        *("reasoning", "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
        *("mcp_list_tools", "tool_search_call", "tool_search_output"),
    }
)


def items_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The input as items; raises Malformed."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    if given is not None and not isinstance(given, list):
        raise Malformed("input", "'input' must be a string or an array.")
    return list_of(given, "input")


def kind_of(item: dict[str, Any], path: str) -> str:
    """The type of an item; a message needs none. Raises Malformed."""
    kind = item.get("type")
    return "message" if kind is None and "role" in item else text_of(kind, f"{path}.type")


def messages_of(items: list[dict[str, Any]], tools: Toolbox, remarks: Remarks) -> list[dict[str, Any]]:
    """The messages of a chat request, with the output of each call right behind it; raises Malformed."""
    conversation = _Conversation(tools, remarks)
    for place, item in enumerate(items):
        conversation.collect(item, f"input[{place}]")
    for place, item in enumerate(items):
        conversation.add(item, f"input[{place}]")
    return conversation.close()


class _Conversation:
    def __init__(self, tools: Toolbox, remarks: Remarks) -> None:
        self._tools, self._remarks = tools, remarks
        self._messages: list[dict[str, Any]] = []
        # The model's turn that calls may still join.
        self._turn: dict[str, Any] | None = None
        # By call id, because clients may list outputs in any order, and some models repeat their ids.
        self._outputs: defaultdict[str, deque[tuple[str, object]]] = defaultdict(deque)

    def collect(self, item: dict[str, Any], path: str) -> None:
        """Notes the output of a call."""
        if kind_of(item, path) in OUTPUTS:
            call_id = text_of(item.get("call_id"), f"{path}.call_id")
            self._outputs[call_id].append((path, item.get("output")))

    def add(self, item: dict[str, Any], path: str) -> None:
        """The next item."""
        kind = kind_of(item, path)
        if kind == "message":
            self._add_message(item, path)
        elif kind == "function_call":
            # Some models call with nothing, which strict servers can't read when it comes back.
            self._add_call(item, path, text_of(item.get("arguments"), f"{path}.arguments") or "{}")
        elif kind == "custom_tool_call":
            self._add_call(item, path, custom_arguments(text_of(item.get("input"), f"{path}.input")))
        elif kind in OUTPUTS:
            self._end_turn()
        elif kind in DROPPED:
            self._remarks.drop(f"input.{kind}")
        elif kind not in MORE_TOOLS:
            self._remarks.cannot(path, f"Chat has no item of the type '{kind}'.")

    def _add_message(self, item: dict[str, Any], path: str) -> None:
        role = item.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise Malformed(f"{path}.role", f"'{path}.role' must be 'user', 'assistant', 'system' or 'developer'.")
        self._end_turn()
        parts = parts_of(item.get("content"), f"{path}.content", self._remarks)
        if role == "assistant":
            self._turn = {"role": role, "content": content_of(parts, between="")}
        else:
            self._messages.append({"role": role, "content": content_of(parts)})

    def _add_call(self, item: dict[str, Any], path: str, arguments: str) -> None:
        if self._turn is None:
            self._turn = {"role": "assistant", "content": None}
        namespace = item.get("namespace")
        name = self._tools.name_in_chat(
            namespace if isinstance(namespace, str) and namespace else None,
            text_of(item.get("name"), f"{path}.name"),
        )
        call = {"id": text_of(item.get("call_id"), f"{path}.call_id"), "type": "function"}
        function = {"name": name, "arguments": arguments}
        self._turn.setdefault("tool_calls", []).append({**call, "function": function})

    def _end_turn(self) -> None:
        """Writes the model's turn, the output of each of its calls, and then what tool messages can't hold."""
        turn, self._turn = self._turn, None
        if turn is None:
            return
        self._messages.append(turn)
        attached: list[dict[str, Any]] = []
        for call in turn.get("tool_calls", ()):
            self._messages.append({"role": "tool", "tool_call_id": call["id"], **self._output(call["id"], attached)})
        if attached:
            self._messages.append({"role": "user", "content": attached})

    def _output(self, call_id: str, attached: list[dict[str, Any]]) -> dict[str, Any]:
        """The content of a tool message; a call that never ended has an empty one."""
        if not (waiting := self._outputs[call_id]):
            return {"content": ""}
        path, output = waiting.popleft()
        parts = parts_of(output, f"{path}.output", self._remarks)
        texts, others = [part for part in parts if is_text(part)], [part for part in parts if not is_text(part)]
        if others:
            attached += [{"type": "text", "text": f"Output of the tool call {call_id}:"}, *others]
        told = "\n".join(part["text"] for part in texts)
        return {"content": told or ("The next message has the output." if others else "")}

    def close(self) -> list[dict[str, Any]]:
        """All messages."""
        self._end_turn()
        if left := next((waiting[0] for waiting in self._outputs.values() if waiting), None):
            self._remarks.cannot(left[0], "There is no tool call with this 'call_id' before this output.")
        return self._messages
