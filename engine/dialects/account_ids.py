"""What a request names by its id in a provider's account: files, stores, containers, prompts, conversations. Pure.

All callers of the console share that account, and nothing there says whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.dialects.shapes import object_of, objects

Fields = Mapping[str, Any]
# The path of an id, and the name of its field.
Found = tuple[str, str] | None
FILE = "put its content into the request"
STORE = "search by a function tool of your own"
CONTAINER = "leave it out, so that the provider makes a new one"
TALK = "send the whole conversation"
# What is said instead, by the name of the field.
INSTEAD = {
    "file_id": FILE,
    "file_ids": FILE,
    "vector_store_ids": STORE,
    "container": CONTAINER,
    "container_id": CONTAINER,
    "skill_id": "send its text as instructions",
    "prompt": "send its text as instructions",
    "audio": "send its transcript as content",
    "conversation": TALK,
    "thread": TALK,
}
# What callers themselves made there, and no operator for all of them.
OF_CALLERS = frozenset({"conversation", "thread", "audio"})
IDS = frozenset({"file_id", "file_ids", "vector_store_ids", "container_id", "skill_id"})
# The client's own JSON, in which any name may stand for anything, and where a text comes from. Tools have a search of
# their own.
FREE = frozenset(
    {"parameters", "arguments", "input", "input_schema", "schema", "filters", "tools", "annotations", "citations"}
)
# Tools that the client runs.
OWN_TOOLS = frozenset({"function", "custom", None})
# Blocks of Messages whose content a model reads.
READ = frozenset({"image", "document", "container_upload", "tool_result"})


@dataclass(frozen=True, slots=True)
class AccountId:
    """The path of the first such id, and the name of its kind."""

    param: str
    kind: str

    @property
    def is_of_callers(self) -> bool:
        """Whether a caller made it, by an address that is not served here."""
        return self.kind in OF_CALLERS

    @property
    def why(self) -> str:
        """Why it is refused, and what to do."""
        return (
            f"'{self.param}' names what is in the provider's account, which all callers share: {INSTEAD[self.kind]}, "
            "or bring a key of your own for this provider."
        )


def named_in(endpoint: str, body: Fields) -> AccountId | None:
    """The first thing that a request names in the account; None for most requests."""
    search = SEARCHES.get(endpoint)
    found = search(body) if search is not None else None
    return None if found is None else AccountId(*found)


def _in_chat(body: Fields) -> Found:
    for place, message in enumerate(objects(body.get("messages"))):
        if object_of(message.get("audio")).get("id"):
            return f"messages[{place}].audio.id", "audio"
        content = message.get("content")
        if isinstance(content, list) and (found := _deep(content)):
            return f"messages[{place}].content{found[0]}", found[1]
    return None


def _in_responses(body: Fields) -> Found:
    for name in ("conversation", "prompt"):
        if body.get(name):
            return name, name
    for place, item in enumerate(objects(body.get("input"))):
        if found := _in_item(item):
            return f"input[{place}]{found[0]}", found[1]
    return _in_tools(body.get("tools"), "tools")


def _in_item(item: Fields) -> Found:
    """In what the model reads of an item; what it made itself comes back as it was."""
    for name in ("content", "output"):
        value = item.get(name)
        if isinstance(value, dict | list) and (found := _deep(value)):
            return f".{name}{found[0]}", found[1]
    return _in_tools(item["tools"], ".tools") if item.get("tools") else None


def _in_messages(body: Fields) -> Found:
    for name in ("container", "thread"):
        value = body.get(name)
        if value and (not isinstance(value, dict) or value.get("id")):
            return name, name
    for place, skill in enumerate(objects(object_of(body.get("container")).get("skills"))):
        if skill.get("type") != "anthropic":
            return f"container.skills[{place}].skill_id", "skill_id"
    for place, message in enumerate(objects(body.get("messages"))):
        for at, block in enumerate(objects(message.get("content"))):
            # What a tool at the provider has made comes back as it was, and is read by nobody.
            if block.get("type") in READ and (found := _deep(block)):
                return f"messages[{place}].content[{at}]{found[0]}", found[1]
    return None


def _in_tools(tools: object, path: str) -> Found:
    for place, tool in enumerate(objects(tools)):
        if tool.get("type") in OWN_TOOLS:
            continue
        at = f"{path}[{place}]"
        if isinstance(tool.get("container"), str) and tool["container"]:
            return f"{at}.container", "container"
        if found := _deep(tool):
            return f"{at}{found[0]}", found[1]
        if tool.get("tools") and (found := _in_tools(tool["tools"], f"{at}.tools")):
            return found
    return None


def _deep(value: dict[str, Any] | list[Any]) -> Found:
    """Everywhere below, but for what is the client's own; the path from here."""
    if isinstance(value, list):
        for place, one in enumerate(value):
            if isinstance(one, dict | list) and (found := _deep(one)):
                return f"[{place}]{found[0]}", found[1]
        return None
    for name, one in value.items():
        if name in IDS:
            if one:
                return f".{name}", name
        elif isinstance(one, dict | list) and name not in FREE and (found := _deep(one)):
            return f".{name}{found[0]}", found[1]
    return None


SEARCHES: dict[str, Callable[[Fields], Found]] = {
    "chat/completions": _in_chat,
    "responses": _in_responses,
    "messages": _in_messages,
}
