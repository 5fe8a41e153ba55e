"""Signatures of thinking blocks: which ones an Anthropic upstream made, and which one we made up. Pure.

Clients of the Messages API need a signature on every thinking block. An answer of another upstream gets `MARK`, and no
block with it may reach Anthropic, which refuses signatures that are not its own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from engine.dialects.shapes import objects

# "routing-console" in base64, so that it looks like a signature to clients.
MARK = "cmMxOnJvdXRpbmctY29uc29sZQ=="
OURS = frozenset({MARK})
THINKING = frozenset({"thinking", "redacted_thinking"})
DROPPED = "messages.thinking"


def is_replayable(block: object) -> bool:
    """Whether a block of thinking can go back to Anthropic: it has a signature that is not ours."""
    if not isinstance(block, dict):
        return False
    if block.get("type") == "redacted_thinking":
        return isinstance(block.get("data"), str)
    signature = block.get("signature")
    return block.get("type") == "thinking" and isinstance(signature, str) and signature not in ("", MARK)


def without_marked(body: dict[str, Any]) -> dict[str, Any]:
    """A Messages request without the thinking that we signed; the same object if there is none."""
    return without_signed(body, OURS)


def signatures_in(body: dict[str, Any]) -> list[str]:
    """What the blocks of thinking in a Messages request are signed with, or hold in secret; not what we signed."""
    messages = objects(body.get("messages"))
    found = (_signature(block) for message in messages for block in _blocks(message))
    return [one for one in found if one and one != MARK]


def is_refusal(text: str) -> bool:
    """Whether an error of an upstream says that a block of thinking was made by another."""
    return ("signature" in text and "thinking" in text) or ("redacted_thinking" in text and "nvalid" in text)


def without_signed(body: dict[str, Any], gone: Collection[str]) -> dict[str, Any]:
    """A Messages request without the thinking of these signatures; the same object if there is none.

    Thinking is switched off if its last turn with tools has lost its thoughts: Anthropic would refuse it.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(_has_any(message, gone) for message in messages):
        return body
    kept = [turn for message in messages if (turn := _stripped(message, gone)) is not None]
    changed = {**body, "messages": kept}
    if isinstance(body.get("thinking"), dict) and lacks_thoughts(kept):
        changed["thinking"] = {"type": "disabled"}
    return changed


def lacks_thoughts(messages: list[Any]) -> bool:
    """Whether the open turn calls tools without having thought first; with thinking on, Anthropic refuses that."""
    calls, thinks = False, False
    for message in reversed(messages):
        if not isinstance(message, dict):
            break
        kinds = [block.get("type") for block in _blocks(message)]
        if message.get("role") == "assistant":
            calls = calls or "tool_use" in kinds
            thinks = thinks or any(kind in ("thinking", "redacted_thinking") for kind in kinds)
        elif "tool_result" not in kinds:
            break
    return calls and not thinks


def _has_any(message: object, gone: Collection[str]) -> bool:
    return isinstance(message, dict) and any(_signature(block) in gone for block in _blocks(message))


def _signature(block: dict[str, Any]) -> str:
    """The signature of a block of thinking, or its hidden content; empty for any other block."""
    kind = block.get("type")
    text = block.get("signature" if kind == "thinking" else "data") if kind in THINKING else None
    return text if isinstance(text, str) else ""


def _stripped(message: Any, gone: Collection[str]) -> Any:
    """The message without these blocks; None if nothing is left."""
    if not _has_any(message, gone):
        return message
    left = [block for block in message["content"] if not (isinstance(block, dict) and _signature(block) in gone)]
    return {**message, "content": left} if left else None


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    return objects(message.get("content"))
