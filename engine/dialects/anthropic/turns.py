"""The messages of a chat -> the system prompt and the turns of a Messages request. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from engine.dialects.anthropic.signatures import is_replayable
from engine.dialects.call_ids import cleaned
from engine.dialects.gemini_signatures import DROPPED as SIGNATURES
from engine.dialects.gemini_signatures import has_signatures
from engine.dialects.reading import parsed
from engine.dialects.shapes import objects
from engine.dialects.translation import Untranslatable

Block = dict[str, Any]
SYSTEM = frozenset({"system", "developer"})
# Who is speaking, and an answer that was spoken.
UNSAID = ("name", "audio")
DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=-]+)*?;base64,", re.IGNORECASE)
# A conversation has to begin with the user; chats may begin with a greeting of the assistant.
BEGINNING = {"role": "user", "content": [{"type": "text", "text": "(The assistant speaks first.)"}]}


def split(messages: object) -> tuple[list[Block], list[dict[str, Any]]]:
    """System blocks and turns; raises Untranslatable.

    Instructions in mid-conversation stay at their place, as reminders in the user's turn.
    """
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise Untranslatable("messages", "'messages' must be a list of at least one message.")
    lead = next((n for n, one in enumerate(messages) if one.get("role") not in SYSTEM), len(messages))
    system = [block for place in range(lead) for block in _text_blocks(messages[place], place)]
    turns = _turns(messages, lead)
    if not turns:
        return [], [{"role": "user", "content": system}]
    if turns[0]["role"] == "assistant":
        turns.insert(0, BEGINNING)
    _trim(turns[-1])
    return system, turns


def lost_in(messages: list[dict[str, Any]]) -> list[str]:
    """Names of what a message says that has no place in a turn; the messages have been split."""
    found = [f"messages.{name}" for message in messages for name in UNSAID if message.get(name)]
    found += [SIGNATURES] if has_signatures(messages) else []
    contents = [content for message in messages if isinstance(content := message.get("content"), list)]
    images = [part.get("image_url") for content in contents for part in objects(content)]
    details = (image.get("detail") for image in images if isinstance(image, dict))
    return found + ["messages.image_url.detail" for detail in details if detail not in (None, "auto")]


def tool_id(given: object) -> str:
    """The id of a call in the letters that Anthropic takes."""
    return cleaned(given) if isinstance(given, str) and given else "call"


def reminder(text: str) -> str:
    """Instructions inside a user's turn, as Claude knows them."""
    return f"<system-reminder>\n{text}\n</system-reminder>"


def _turns(messages: list[dict[str, Any]], start: int) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for place in range(start, len(messages)):
        role, blocks = _turn(messages[place], place)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    for turn in turns:
        # Results of tools come first in a turn, or they are refused.
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return turns


def _turn(message: dict[str, Any], place: int) -> tuple[str, list[Block]]:
    role = message.get("role")
    if role == "user":
        return "user", _blocks(message.get("content"), f"messages[{place}].content")
    if role == "assistant":
        return "assistant", [*_thoughts(message), *_text_blocks(message, place), *_calls(message, place)]
    if role == "tool":
        return "user", [_result(message, place)]
    if role in SYSTEM:
        return "user", [_reminder(block) for block in _text_blocks(message, place)]
    raise Untranslatable(f"messages[{place}].role", f"The role '{str(role)[:40]}' has no equivalent at Anthropic.")


def _reminder(block: Block) -> Block:
    return {**block, "text": reminder(block["text"])}


def _thoughts(message: dict[str, Any]) -> list[Block]:
    blocks = message.get("thinking_blocks")
    return [dict(block) for block in blocks if is_replayable(block)] if isinstance(blocks, list) else []


def _text_blocks(message: dict[str, Any], place: int) -> list[Block]:
    """The text of a system or assistant message; a refusal is text too."""
    content = message.get("content")
    if content is None:
        content = message.get("refusal")
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict)]
        content = [{**p, "type": "text", "text": p.get("refusal")} if p.get("type") == "refusal" else p for p in parts]
    found = _blocks(content, f"messages[{place}].content")
    if any(block["type"] != "text" for block in found):
        raise Untranslatable(f"messages[{place}].content", "Only text can stand in this message at Anthropic.")
    return found


def _calls(message: dict[str, Any], place: int) -> list[Block]:
    calls = message.get("tool_calls")
    if message.get("function_call"):
        raise Untranslatable(f"messages[{place}].function_call", "Anthropic has 'tool_calls', not 'function_call'.")
    return [_call(call, f"messages[{place}].tool_calls") for call in calls] if isinstance(calls, list) else []


def _call(call: object, param: str) -> Block:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise Untranslatable(param, "Only calls of functions have an equivalent at Anthropic.")
    arguments = function.get("arguments")
    given = parsed(arguments.encode("utf-8", "replace")) if isinstance(arguments, str) else None
    return {
        "type": "tool_use",
        "id": tool_id(call.get("id")),
        "name": str(function.get("name") or ""),
        # Models write invalid JSON now and then; the text still says what was meant.
        "input": given if given is not None else {"arguments": arguments} if arguments else {},
    }


def _result(message: dict[str, Any], place: int) -> Block:
    content = message.get("content")
    found = content if isinstance(content, str) else _blocks(content, f"messages[{place}].content")
    return {"type": "tool_result", "tool_use_id": tool_id(message.get("tool_call_id")), "content": found}


def _blocks(content: object, param: str) -> list[Block]:
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content}] if content and content.strip() else []
    if not isinstance(content, list):
        raise Untranslatable(param, f"'{param}' must be a text or a list of parts.")
    return [block for place, part in enumerate(content) if (block := _block(part, f"{param}[{place}]")) is not None]


def _block(part: object, param: str) -> Block | None:
    """One part; None for an empty text, which Anthropic refuses."""
    if isinstance(part, str):
        part = {"type": "text", "text": part}
    if not isinstance(part, dict):
        raise Untranslatable(param, f"'{param}' must be an object with a 'type'.")
    kind = part.get("type")
    if kind == "text":
        text = part.get("text")
        return _kept(part, {"type": "text", "text": text}) if isinstance(text, str) and text.strip() else None
    if kind == "image_url":
        return _kept(part, {"type": "image", "source": _image(part.get("image_url"), param)})
    if kind == "file":
        return _kept(part, _document(part.get("file"), param))
    raise Untranslatable(param, f"A part of type '{str(kind)[:40]}' has no equivalent at Anthropic.")


def _kept(part: dict[str, Any], block: Block) -> Block:
    """The block with the part's mark for the prompt cache, which clients of Claude add to OpenAI's parts."""
    mark = part.get("cache_control")
    return {**block, "cache_control": mark} if isinstance(mark, dict) else block


def _image(given: object, param: str) -> dict[str, Any]:
    url = given.get("url") if isinstance(given, dict) else given
    if not isinstance(url, str) or not url:
        raise Untranslatable(param, f"'{param}' must have the URL of an image.")
    if found := DATA_URL.match(url):
        return {"type": "base64", "media_type": found[1] or "image/png", "data": url[found.end() :]}
    return {"type": "url", "url": url}


def _document(file: object, param: str) -> Block:
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(file, dict) or not isinstance(data, str):
        raise Untranslatable(param, "Files are sent to Anthropic by their data, not by the id of an upload.")
    found = DATA_URL.match(data)
    kind, content = (found[1] or "application/pdf", data[found.end() :]) if found else ("application/pdf", data)
    name = file.get("filename")
    title = {"title": name} if isinstance(name, str) and name else {}
    if kind.startswith("text/"):
        return {"type": "document", "source": _plain(content, param), **title}
    if kind != "application/pdf":
        raise Untranslatable(param, f"Anthropic reads PDF and plain text, not '{kind[:60]}'.")
    return {"type": "document", "source": {"type": "base64", "media_type": kind, "data": content}, **title}


def _plain(content: str, param: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(content, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Untranslatable(param, "The file is not text in base64.") from None
    return {"type": "text", "media_type": "text/plain", "data": text}


def _trim(turn: dict[str, Any]) -> None:
    """Anthropic refuses a conversation whose last words, the assistant's, end with a space."""
    last = turn["content"][-1]
    if turn["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()
