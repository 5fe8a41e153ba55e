"""Anthropic's Messages at a provider, version 2023-06-01."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.conformance.published import MESSAGES
from tests.conformance.words import Events, Piece, Question, Reply, ToolCall, must, plain, sse

STOPS = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"}
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBzdGFuZC1pbg=="
ID = re.compile(r"[a-zA-Z0-9_-]+")
# Instructions in mid-conversation, as models know them that have no role for it.
REMINDER = re.compile(r"<system-reminder>\n(.*)\n</system-reminder>", re.DOTALL)
TYPES = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 500: "api_error"}


class Messages:
    """The protocol as Anthropic publishes it."""

    path, model = "/messages", "claude-sonnet-4-5"

    def whole(self, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
        """A whole answer."""
        blocks: list[dict[str, Any]] = []
        if reply.thought:
            blocks.append({"type": "thinking", "thinking": reply.thought, "signature": SIGNATURE})
        if reply.text:
            blocks.append({"type": "text", "text": reply.text, "citations": None})
        blocks += [{**_call(call), "input": _input(call)} for call in reply.calls]
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": blocks}
        return {**head, "stop_reason": _stop(reply), "stop_sequence": None, "usage": usage(reply)}

    def events(self, reply: Reply, body: dict[str, Any]) -> Events:
        """The same as a stream; blocks come one after the other."""
        message = {**self.whole(reply, body), "content": [], "stop_reason": None}
        message["usage"] = {**usage(reply), "output_tokens": 1}
        head = [_event("message_start", message=message), _event("ping")]
        content: list[bytes] = []
        if reply.thought:
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            signed = {"type": "signature_delta", "signature": SIGNATURE}
            content += _block(0, empty, [{"type": "thinking_delta", "thinking": reply.thought}, signed])
        if reply.text:
            texts = [{"type": "text_delta", "text": piece} for piece in reply.pieces]
            content += _block(int(bool(reply.thought)), {"type": "text", "text": ""}, texts)
        index = bool(reply.thought) + bool(reply.text)
        for number, call in enumerate(reply.calls):
            parts = [{"type": "input_json_delta", "partial_json": part} for part in ("", *call.halves)]
            content += _block(index + number, _call(call), parts)
        last = {"stop_reason": _stop(reply), "stop_sequence": None}
        told = {"output_tokens": reply.wrote}
        return Events(head, content, [_event("message_delta", delta=last, usage=told), _event("message_stop")])

    def error(self, status: int, message: str, code: str | None) -> dict[str, Any]:
        """The body of an error."""
        kind = TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    def error_event(self, message: str) -> bytes:
        """An error inside a stream."""
        return _event("error", error={"type": "api_error", "message": message})

    def unknown(self) -> list[bytes]:
        """What this version of the protocol does not know: Anthropic may add events."""
        return [_event("ping"), _event("made_up_event", of="tomorrow")]

    def read(self, body: dict[str, Any]) -> Question:
        """The question in a request; refuses what Anthropic would refuse."""
        must(not body.keys() - MESSAGES, f"unknown parameters {sorted(body.keys() - MESSAGES)}")
        must(type(body.get("max_tokens")) is int and body["max_tokens"] > 0, "no max_tokens")
        thinking = body.get("thinking") or {}
        thinks = thinking.get("type") == "enabled"
        if thinks:
            must(1024 <= thinking["budget_tokens"] < body["max_tokens"], "the budget of thinking")
            must("temperature" not in body, "a temperature beside thinking")
        tools = [_tool(tool) for tool in body.get("tools", ())]
        choice = body.get("tool_choice") or {}
        must(tools or not choice, "tool_choice without tools")
        must(not thinks or choice.get("type") in (None, "auto", "none"), "a forced tool beside thinking")
        form = (body.get("output_config") or {}).get("format")
        must(form is None or form["schema"]["additionalProperties"] is False, "a schema that is not closed")
        system = body.get("system") or ""
        return Question(
            pieces=tuple(_pieces(body["messages"], thinks=thinks)),
            system=system if isinstance(system, str) else "\n\n".join(_text_of(block) for block in system),
            tools=tuple(tools),
            must=choice.get("type") == "any",
            has_schema=form is not None,
            thinks=thinks,
            limit=body["max_tokens"],
            stops=tuple(body.get("stop_sequences") or ()),
        )


def usage(reply: Reply) -> dict[str, Any]:
    """The tokens in Anthropic's words: what came from the cache is not in the input."""
    cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": reply.cached}
    return {"input_tokens": reply.read - reply.cached, **cache, "output_tokens": reply.wrote}


def _pieces(messages: list[dict[str, Any]], *, thinks: bool) -> list[Piece]:
    pieces: list[Piece] = []
    waiting: set[str] = set()
    last_turn = 1 + max(place for place, message in enumerate(messages) if _is_said(message))
    for place, message in enumerate(messages):
        must(message.keys() == {"role", "content"}, f"fields {sorted(message)} of a message")
        must(message["role"] in ("user", "assistant"), f"role {message['role']}")
        must(place or message["role"] == "user", "the assistant begins")
        blocks = message["content"]
        blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
        must(blocks, "an empty message")
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        must(answered == waiting, f"results {answered} for the calls {waiting}")
        kinds = [block["type"] == "tool_result" for block in blocks]
        must(kinds == sorted(kinds, reverse=True), "results behind other blocks")
        waiting = {block["id"] for block in blocks if block["type"] == "tool_use"}
        is_first = place == last_turn
        must(not (waiting and thinks and is_first) or "thinking" in blocks[0]["type"], "a lost thought")
        pieces += [piece for block in blocks for piece in _block_pieces(message["role"], block)]
    must(not waiting, "calls without results")
    return pieces


def _is_said(message: dict[str, Any]) -> bool:
    """Whether it is what a user says: after the results of calls the model's turn goes on."""
    blocks = message["content"]
    is_result = not isinstance(blocks, str) and any(block["type"] == "tool_result" for block in blocks)
    return message["role"] == "user" and not is_result


def _block_pieces(who: str, block: dict[str, Any]) -> list[Piece]:
    match block["type"]:
        case "text":
            found = REMINDER.fullmatch(text := _text_of(block))
            return [("system", "text", found[1])] if found else [(who, "text", text)]
        case "image":
            must(who == "user", "a picture of the assistant")
            return [(who, "image", _url(block["source"]))]
        case "tool_use":
            must(ID.fullmatch(block["id"]) and isinstance(block["input"], dict), "the shape of a call")
            return [(who, "call", block["id"], block["name"], plain(json.dumps(block["input"])))]
        case "tool_result":
            return _result(block)
        case "thinking":
            must(block["signature"] == SIGNATURE, "a signature of somebody else")
            return []
        case kind:
            must(False, f"a block {kind}")
            return []


def _result(block: dict[str, Any]) -> list[Piece]:
    content = block.get("content", "")
    inner: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text = "".join(one["text"] for one in inner if one["type"] == "text")
    images = [("user", "image", _url(one["source"])) for one in inner if one["type"] == "image"]
    told = f"Error: {text}" if block.get("is_error") else text
    return [("tool", "result", block["tool_use_id"], told), *images]


def _text_of(block: dict[str, Any]) -> str:
    must(block["type"] == "text" and block["text"].strip(), "an empty text")
    return str(block["text"])


def _url(source: dict[str, Any]) -> str:
    if source["type"] == "url":
        return str(source["url"])
    must(source["type"] == "base64", f"a source {source['type']}")
    return f"data:{source['media_type']};base64,{source['data']}"


def _tool(tool: dict[str, Any]) -> str:
    known = {"name", "description", "input_schema", "type", "cache_control", "strict"}
    must(not tool.keys() - known, f"unknown fields {sorted(tool.keys() - known)} of a tool")
    must(tool["input_schema"]["type"] == "object", "a schema that is no object")
    return str(tool["name"])


def _stop(reply: Reply) -> str:
    return "tool_use" if reply.calls and reply.end == "stop" else STOPS[reply.end]


def _input(call: ToolCall) -> dict[str, Any]:
    made = json.loads(call.arguments)
    return made if isinstance(made, dict) else {}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}


def _block(index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> list[bytes]:
    told = [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
    begun = _event("content_block_start", index=index, content_block=start)
    return [begun, *told, _event("content_block_stop", index=index)]


def _event(name: str, **fields: Any) -> bytes:
    return sse({"type": name, **fields}, name)
