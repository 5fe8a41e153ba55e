"""OpenAI's Responses at a provider."""

from __future__ import annotations

import itertools
from typing import Any

from tests.conformance.published import RESPONSES
from tests.conformance.words import Events, Piece, Question, Reply, ToolCall, must, plain, sse

WHY = {"length": "max_output_tokens", "filter": "content_filter"}
Fields = dict[str, Any]
# What an item does not have when it begins, and the events inside it.
Told = tuple[Fields, list[tuple[str, Fields]]]
NOTHING: Fields = {"error": None, "incomplete_details": None, "instructions": None, "metadata": {}}


class Responses:
    """The protocol as OpenAI publishes it."""

    path, model = "/responses", "gpt-5.1"

    def whole(self, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
        """A whole answer."""
        return _response(body, reply, _items(reply))

    def events(self, reply: Reply, body: dict[str, Any]) -> Events:
        """The same as a stream."""
        count = itertools.count()
        begun = {**_response(body, Reply(), []), "status": "in_progress", "usage": None}
        head = [_event(count, f"response.{name}", response=begun) for name in ("created", "in_progress")]
        content: list[bytes] = []
        for index, item in enumerate(_items(reply)):
            content += _item_events(count, index, item, reply)
        last = _response(body, reply, _items(reply))
        return Events(head, content, [_event(count, f"response.{last['status']}", response=last)])

    def error(self, status: int, message: str, code: str | None) -> dict[str, Any]:
        """The body of an error."""
        return {"error": {"message": message, "type": "scripted_error", "param": None, "code": code}}

    def error_event(self, message: str) -> bytes:
        """An error inside a stream."""
        error = {"code": "server_error", "message": message}
        failed = {**_response({"model": self.model}, Reply(), []), "status": "failed", "error": error}
        return sse({"type": "response.failed", "sequence_number": 99, "response": failed}, "response.failed")

    def unknown(self) -> list[bytes]:
        """What this version of the protocol does not know."""
        event = {"type": "response.made_up.delta", "sequence_number": 0, "delta": "of tomorrow"}
        return [sse(event, "response.made_up.delta")]

    def read(self, body: dict[str, Any]) -> Question:
        """The question in a request; refuses what OpenAI would refuse."""
        must(not body.keys() - RESPONSES, f"unknown parameters {sorted(body.keys() - RESPONSES)}")
        must(body.get("store") is False, "a request that is to be kept")
        must(body.get("max_output_tokens", 16) >= 16, "a limit below 16")
        pieces = _pieces(body["input"])
        lead = [text for who, _, text, *_ in pieces[:1] if who == "system"]
        tools = [_tool(tool) for tool in body.get("tools", ())]
        form = (body.get("text") or {}).get("format") or {}
        must(form.get("type") in (None, "text", "json_schema"), f"a format {form}")
        if form.get("type") == "json_schema":
            must(form["name"] and form["schema"]["additionalProperties"] is False, "a schema that is not closed")
        return Question(
            pieces=tuple(pieces[len(lead) :]),
            system=str(body.get("instructions") or "") + "".join(lead),
            tools=tuple(tools),
            must=body.get("tool_choice") == "required",
            has_schema=form.get("type") == "json_schema",
            thinks=bool((body.get("reasoning") or {}).get("effort")),
            limit=body.get("max_output_tokens") or 0,
        )


def usage(reply: Reply) -> dict[str, Any]:
    """The tokens in the words of Responses."""
    return {
        "input_tokens": reply.read,
        "input_tokens_details": {"cached_tokens": reply.cached, "cache_write_tokens": 0},
        "output_tokens": reply.wrote,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.read + reply.wrote,
    }


def _pieces(given: Any) -> list[Piece]:
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    must(items, "an empty input")
    pieces: list[Piece] = []
    waiting: set[str] = set()
    for item in items:
        match item.get("type", "message"):
            case "message":
                pieces += _message(item)
            case "function_call":
                waiting.add(item["call_id"])
                pieces.append(("assistant", "call", item["call_id"], item["name"], plain(item["arguments"])))
            case "function_call_output":
                must(item["call_id"] in waiting, "an output without its call")
                waiting.discard(item["call_id"])
                pieces += _output(item)
            case kind:
                must(False, f"an item {kind}")
    must(not waiting, "a call without its output")
    return pieces


def _message(item: dict[str, Any]) -> list[Piece]:
    role, content = item["role"], item["content"]
    who = "system" if role == "developer" else role
    must(who in ("user", "assistant", "system"), f"role {role}")
    if isinstance(content, str):
        return [(who, "text", content)]
    texts = "output_text" if role == "assistant" else "input_text"
    return [_part(who, part, texts) for part in content]


def _part(who: str, part: dict[str, Any], texts: str) -> Piece:
    if part["type"] == "input_image":
        must(who in ("user", "tool"), f"a picture of {who}")
        return ("user", "image", part["image_url"])
    must(part["type"] == texts, f"a part {part['type']} of {who}")
    return (who, "text", part["text"])


def _output(item: dict[str, Any]) -> list[Piece]:
    output = item["output"]
    if isinstance(output, str):
        return [("tool", "result", item["call_id"], output)]
    parts = [_part("tool", part, "input_text") for part in output]
    text = "".join(part[2] for part in parts if part[1] == "text")
    return [("tool", "result", item["call_id"], text), *(part for part in parts if part[1] == "image")]


def _tool(tool: dict[str, Any]) -> str:
    must(tool["type"] == "function" and isinstance(tool.get("strict"), bool), f"a tool {tool}")
    known = {"type", "name", "description", "parameters", "strict"}
    must(not tool.keys() - known, f"unknown fields {sorted(tool.keys() - known)} of a tool")
    return str(tool["name"])


def _items(reply: Reply) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.thought:
        summary = [{"type": "summary_text", "text": reply.thought}]
        items.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": None})
    if reply.text:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        status = "incomplete" if reply.end in WHY else "completed"
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": status}
        items.append({**message, "content": [part]})
    return items + [_call(number, call) for number, call in enumerate(reply.calls)]


def _call(number: int, call: ToolCall) -> dict[str, Any]:
    told = {"call_id": call.id, "name": call.name, "arguments": call.arguments, "status": "completed"}
    return {"type": "function_call", "id": f"fc_{number}", **told}


def _item_events(count: itertools.count[int], index: int, item: dict[str, Any], reply: Reply) -> list[bytes]:
    at = {"item_id": item["id"], "output_index": index}
    begun, inner = INNER[item["type"]](at, item, reply)
    added = _event(count, "response.output_item.added", output_index=index, item={**item, **begun})
    told = [_event(count, name, **fields) for name, fields in inner]
    return [added, *told, _event(count, "response.output_item.done", output_index=index, item=item)]


def _thought_events(at: Fields, item: Fields, reply: Reply) -> Told:
    part, name = {**at, "summary_index": 0}, "response.reasoning_summary"
    return {"summary": []}, [
        (f"{name}_part.added", {**part, "part": {"type": "summary_text", "text": ""}}),
        (f"{name}_text.delta", {**part, "delta": reply.thought}),
        (f"{name}_text.done", {**part, "text": reply.thought}),
        (f"{name}_part.done", {**part, "part": item["summary"][0]}),
    ]


def _message_events(at: Fields, item: Fields, reply: Reply) -> Told:
    part, (whole,) = {**at, "content_index": 0}, item["content"]
    return {"content": [], "status": "in_progress"}, [
        ("response.content_part.added", {**part, "part": {**whole, "text": ""}}),
        *(("response.output_text.delta", {**part, "delta": piece, "logprobs": []}) for piece in reply.pieces),
        ("response.output_text.done", {**part, "text": reply.text, "logprobs": []}),
        ("response.content_part.done", {**part, "part": whole}),
    ]


def _call_events(at: Fields, item: Fields, reply: Reply) -> Told:
    text, name = item["arguments"], "response.function_call_arguments"
    halves = (text[: len(text) // 2], text[len(text) // 2 :])
    return {"arguments": "", "status": "in_progress"}, [
        *((f"{name}.delta", {**at, "delta": half}) for half in halves),
        (f"{name}.done", {**at, "name": item["name"], "arguments": text}),
    ]


INNER = {"reasoning": _thought_events, "message": _message_events, "function_call": _call_events}


def _response(body: dict[str, Any], reply: Reply, output: list[dict[str, Any]]) -> dict[str, Any]:
    state: dict[str, Any] = {"status": "completed", **NOTHING}
    if reply.end in WHY:
        state |= {"status": "incomplete", "incomplete_details": {"reason": WHY[reply.end]}}
    head = {"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": body.get("model", "")}
    repeats = {"parallel_tool_calls": True, "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": []}
    return {**head, **state, **repeats, "output": output, "usage": usage(reply)}


def _event(count: itertools.count[int], event: str, /, **fields: Any) -> bytes:
    return sse({"type": event, "sequence_number": next(count), **fields}, event)
