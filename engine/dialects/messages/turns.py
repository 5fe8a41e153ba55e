"""The system prompt and the turns of a Messages request -> messages of a chat. Pure."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from engine.dialects.anthropic.signatures import is_replayable
from engine.dialects.messages.tools import Names, call_id
from engine.dialects.shapes import listed, object_of
from engine.dialects.translation import Malformed, Untranslatable

Block = dict[str, Any]
Message = dict[str, Any]
# Claude Code's note to Anthropic's billing; it means nothing to others, and changes with every version.
BILLING = "x-anthropic-billing-header:"
ROLES = frozenset({"user", "assistant", "system"})
# Other blocks of an answer are about tools that ran at Anthropic: the text beside them says what came of it.
OF_ANSWERS = frozenset({"text", "tool_use", "thinking", "redacted_thinking"})


def check(body: dict[str, Any]) -> None:
    """Raises Malformed where messages or the system prompt do not have the shape of the Messages API."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Malformed("messages", "'messages' must be a list of at least one message.")
    for place, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in ROLES:
            raise Malformed(f"messages[{place}].role", f"'messages[{place}].role' must be user, assistant or system.")
        _check_content(message.get("content"), f"messages[{place}].content")
    if body.get("system") is not None:
        _check_content(body["system"], "system")


def _check_content(content: object, param: str) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise Malformed(param, f"'{param}' must be a text or a list of blocks.")
    for place, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise Malformed(f"{param}[{place}]", f"'{param}[{place}]' must be an object with a 'type'.")
        if block["type"] == "text" and not isinstance(block.get("text"), str):
            raise Malformed(f"{param}[{place}].text", f"'{param}[{place}].text' must be a text.")


class Turns:
    """Translates messages; afterwards `lost` has the names of what chat has no place for, and `obstacle` the first
    thing that no chat upstream can do. `keeps_marks`: marks for the prompt cache stay where they are."""

    def __init__(self, *, keeps_marks: bool = False) -> None:
        self._keeps_marks = keeps_marks
        self.lost: list[str] = []
        self.obstacle: Untranslatable | None = None

    def messages(self, body: dict[str, Any], names: Names) -> list[Message]:
        """The messages of the chat; the body has been checked."""
        made = [self._system(body["system"])] if body.get("system") else []
        for place, message in enumerate(body["messages"]):
            content, role = message.get("content"), message["role"]
            if role == "user" and isinstance(content, str):
                made.append({"role": role, "content": content} if content else {})
                continue
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if role == "system":
                made.append(self._system(blocks))
            elif role == "assistant":
                made.append(self._assistant(blocks, names))
            else:
                made += self._user(blocks, f"messages[{place}].content")
        return [message for message in made if message]

    def _system(self, content: str | list[Block]) -> Message:
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        self._note_marks(blocks)
        told = [block for block in blocks if block["type"] == "text" and block["text"]]
        told = [block for block in told if not block["text"].startswith(BILLING)]
        if self._keeps_marks and any(map(_mark, told)):
            return {"role": "system", "content": [{"type": "text", "text": b["text"], **_mark(b)} for b in told]}
        text = "\n\n".join(block["text"] for block in told)
        return {"role": "system", "content": text} if text else {}

    def _assistant(self, blocks: list[Block], names: Names) -> Message:
        self._note_marks(blocks)
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        calls = [{**_call(block, names), **self._kept(block)} for block in blocks if block["type"] == "tool_use"]
        thoughts = [block for block in blocks if block["type"] in ("thinking", "redacted_thinking")]
        self.lost += [f"messages.{block['type'][:40]}" for block in blocks if block["type"] not in OF_ANSWERS]
        message: Message = {"role": "assistant", "content": text or None}
        if self._keeps_marks and any(_mark(block) for block in blocks if block["type"] == "text"):
            texts = (block for block in blocks if block["type"] == "text" and block["text"])
            message["content"] = [{"type": "text", "text": block["text"], **_mark(block)} for block in texts]
        if words := "".join(str(block.get("thinking") or "") for block in thoughts):
            message["reasoning_content"] = words
        if signed := [block for block in thoughts if is_replayable(block)]:
            message["thinking_blocks"] = signed
        if calls:
            message["tool_calls"] = calls
        elif not text:
            message["content"] = ""
        return message

    def _user(self, blocks: list[Block], param: str) -> list[Message]:
        """Results of tools first, as messages of their own; their images are in the user's message after them."""
        self._note_marks(blocks)
        made, parts = list[Message](), list[dict[str, Any]]()
        for place, block in enumerate(blocks):
            if block["type"] == "tool_result":
                made.append(self._result(block, parts, f"{param}[{place}]"))
        for place, block in enumerate(blocks):
            if block["type"] != "tool_result":
                made_of = self._parts(block, f"{param}[{place}]")
                if made_of:
                    made_of[-1] |= self._kept(block)
                parts += made_of
        if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
            return [*made, {"role": "user", "content": parts[0]["text"]}]
        return [*made, {"role": "user", "content": parts}] if parts else made

    def _result(self, block: Block, images: list[dict[str, Any]], param: str) -> Message:
        content = block.get("content")
        texts = [content] if isinstance(content, str) else []
        for place, inner in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(inner, dict):
                raise Malformed(f"{param}.content[{place}]", f"'{param}.content[{place}]' must be an object.")
            for part in self._parts(inner, f"{param}.content[{place}]"):
                if part["type"] == "text":
                    texts.append(part["text"])
                else:
                    images.append(part)
        text = "\n".join(texts)
        # Chat has no field for it, and the model has to know.
        told = f"Error: {text}" if block.get("is_error") is True else text
        result = {"role": "tool", "tool_call_id": call_id(block.get("tool_use_id")), "content": told}
        return {**result, **self._kept(block)}

    def _parts(self, block: Block, param: str) -> list[dict[str, Any]]:
        kind, source = block.get("type"), block.get("source")
        if kind == "text":
            return [{"type": "text", "text": text}] if isinstance(text := block.get("text"), str) and text else []
        if kind == "image" and isinstance(source, dict) and (url := _url(source)):
            return [{"type": "image_url", "image_url": {"url": url}}]
        if kind == "document" and isinstance(source, dict):
            return self._document(block, source, param)
        if kind == "search_result":
            return [part for inner in listed(block.get("content")) for part in self._parts(object_of(inner), param)]
        if kind == "tool_reference":
            self.lost.append("messages.tool_reference")
            return []
        self._hinder(param, f"A block of type '{str(kind)[:40]}' has no equivalent in chat.")
        return []

    def _document(self, block: Block, source: dict[str, Any], param: str) -> list[dict[str, Any]]:
        self.lost += ["citations"] if object_of(block.get("citations")).get("enabled") else []
        kind, data = source.get("type"), source.get("data")
        if kind == "text" and isinstance(data, str):
            return [{"type": "text", "text": "\n".join((*_about(block, "title", "context"), data))}]
        if kind == "content":
            inner = source.get("content")
            blocks = [{"type": "text", "text": inner}] if isinstance(inner, str) else listed(inner)
            blocks = [*({"type": "text", "text": text} for text in _about(block, "title", "context")), *blocks]
            return [part for one in blocks for part in self._parts(object_of(one), param)]
        if kind == "base64" and isinstance(data, str):
            name = block.get("title") if isinstance(block.get("title"), str) else None
            url = f"data:{source.get('media_type') or 'application/pdf'};base64,{data}"
            about = [{"type": "text", "text": text} for text in _about(block, "context")]
            return [*about, {"type": "file", "file": {"filename": name or "document.pdf", "file_data": url}}]
        self._hinder(param, f"A document by '{str(kind)[:40]}' has no equivalent in chat.")
        return []

    def _hinder(self, param: str, why: str) -> None:
        self.obstacle = self.obstacle or Untranslatable(param, why)

    def _kept(self, block: Block) -> Block:
        return _mark(block) if self._keeps_marks else {}

    def _note_marks(self, blocks: list[Block]) -> None:
        if self._keeps_marks:
            return
        for block in blocks:
            if block.get("cache_control"):
                self.lost.append("cache_control")
                return


def _mark(block: Block) -> Block:
    mark = block.get("cache_control")
    return {"cache_control": mark} if isinstance(mark, dict) else {}


def _about(block: Block, *names: str) -> list[str]:
    """What is said about a document, which chat has no fields for."""
    return [text for name in names if isinstance(text := block.get(name), str) and text]


def _call(block: Block, names: Names) -> dict[str, Any]:
    given = block.get("input")
    arguments = to_json(given).decode() if isinstance(given, dict) else "{}"
    function = {"name": names.short(str(block.get("name") or "")), "arguments": arguments}
    return {"id": call_id(block.get("id")), "type": "function", "function": function}


def _url(source: dict[str, Any]) -> str | None:
    if source.get("type") == "base64" and isinstance(data := source.get("data"), str):
        return f"data:{source.get('media_type') or 'image/png'};base64,{data}"
    url = source.get("url")
    return url if source.get("type") == "url" and isinstance(url, str) and url else None
