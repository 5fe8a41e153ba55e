"""Signatures of thinking blocks: which ones an Anthropic upstream made, and which one we made up. Pure.

Clients of the Messages API need a signature on every thinking block. An answer of another upstream gets `MARK`, and no
block with it may reach Anthropic, which refuses signatures that are not its own.
"""

from __future__ import annotations

from typing import Any

from engine.dialects.shapes import objects

# "routing-console" in base64, so that it looks like a signature to clients.
MARK = "cmMxOnJvdXRpbmctY29uc29sZQ=="


def is_replayable(block: object) -> bool:
    """Whether a block of thinking can go back to Anthropic: it has a signature that is not ours."""
    if not isinstance(block, dict):
        return False
    if block.get("type") == "redacted_thinking":
        return isinstance(block.get("data"), str)
    signature = block.get("signature")
    return block.get("type") == "thinking" and isinstance(signature, str) and signature not in ("", MARK)


def without_marked(body: dict[str, Any]) -> dict[str, Any]:
    """A Messages request without the thinking that we signed; the same object if there is none.

    Thinking is switched off if its last turn with tools has lost its thoughts: Anthropic would refuse it.
    """
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(_has_marked(message) for message in messages):
        return body
    kept = [turn for message in messages if (turn := _stripped(message)) is not None]
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


def _has_marked(message: object) -> bool:
    return isinstance(message, dict) and any(_is_marked(block) for block in _blocks(message))


def _is_marked(block: dict[str, Any]) -> bool:
    return block.get("type") == "thinking" and block.get("signature") == MARK


def _stripped(message: Any) -> Any:
    """The message without marked blocks; None if nothing is left."""
    if not _has_marked(message):
        return message
    left = [block for block in message["content"] if not (isinstance(block, dict) and _is_marked(block))]
    return {**message, "content": left} if left else None


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    return objects(message.get("content"))
