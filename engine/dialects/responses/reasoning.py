"""Encrypted reasoning in a Responses request: only the account that made it can read it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from engine.dialects.shapes import objects

# Items with an id are looked up together with the reasoning before them, which is gone.
NAMED = frozenset({"message", "function_call", "custom_tool_call"})
DROPPED = "input.reasoning"


def encrypted_in(body: dict[str, Any]) -> list[str]:
    """The encrypted reasoning of a request."""
    return [text for item in objects(body.get("input")) if (text := _encrypted(item))]


def without_encrypted(body: dict[str, Any], gone: Collection[str]) -> dict[str, Any]:
    """The request without this reasoning; the text of what was thought stays, where there is any."""
    kept = (_plain(item) if _encrypted(item) in gone else item for item in body["input"])
    return {**body, "input": [_unnamed(item) for item in kept if item is not None]}


def is_refusal(code: str | None, text: str) -> bool:
    """Whether an error of an upstream says that it can't read encrypted reasoning."""
    told = text.lower()
    return code == "invalid_encrypted_content" or (
        "encrypted content" in told and ("verif" in told or "decrypt" in told)
    )


def _encrypted(item: object) -> str:
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return ""
    text = item.get("encrypted_content")
    return text if isinstance(text, str) else ""


def _plain(item: dict[str, Any]) -> dict[str, Any] | None:
    if not item.get("content"):
        return None
    return {name: value for name, value in item.items() if name not in ("encrypted_content", "id")}


def _unnamed(item: Any) -> Any:
    if not isinstance(item, dict) or item.get("type", "message") not in NAMED or "id" not in item:
        return item
    return {name: value for name, value in item.items() if name != "id"}
