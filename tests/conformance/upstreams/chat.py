"""OpenAI's chat completions at a provider."""

from __future__ import annotations

from typing import Any

from tests.conformance.published import CHAT
from tests.conformance.words import Events, Piece, Question, Reply, ToolCall, must, plain, sse

FINISHES = {"stop": "stop", "length": "length", "filter": "content_filter"}
ROLES = {"system", "developer", "user", "assistant", "tool"}
FIELDS = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "tool_calls", "refusal", "audio", "function_call"},
    "tool": {"role", "content", "tool_call_id"},
}


class Chat:
    """The protocol as OpenAI publishes it."""

    path, model = "/chat/completions", "gpt-4o"

    def whole(self, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
        """A whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
        if reply.thought:
            message["reasoning_content"] = reply.thought
        if reply.calls:
            message["tool_calls"] = [_call(call) for call in reply.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
        return {**_head(body, "chat.completion"), "choices": [choice], "usage": usage(reply)}

    def events(self, reply: Reply, body: dict[str, Any]) -> Events:
        """The same as a stream; parallel calls are told in turns."""
        head = [_chunk(body, {"role": "assistant", "content": "", "refusal": None})]
        content = [_chunk(body, {"reasoning_content": half}) for half in _halves(reply.thought)]
        content += [_chunk(body, {"content": piece}) for piece in reply.pieces]
        for index, call in enumerate(reply.calls):
            begun = {**_call(call), "function": {"name": call.name, "arguments": ""}}
            content.append(_chunk(body, {"tool_calls": [{"index": index, **begun}]}))
        for half in (0, 1):
            for index, call in enumerate(reply.calls):
                piece = {"index": index, "function": {"arguments": call.halves[half]}}
                content.append(_chunk(body, {"tool_calls": [piece]}))
        end = [_chunk(body, {}, _finish(reply))]
        if (body.get("stream_options") or {}).get("include_usage"):
            end.append(sse({**_head(body, "chat.completion.chunk"), "choices": [], "usage": usage(reply)}))
        return Events(head, content, [*end, sse("[DONE]")])

    def error(self, status: int, message: str, code: str | None) -> dict[str, Any]:
        """The body of an error."""
        return {"error": {"message": message, "type": "scripted_error", "param": None, "code": code}}

    def error_event(self, message: str) -> bytes:
        """An error inside a stream."""
        return sse(self.error(500, message, None))

    def unknown(self) -> list[bytes]:
        """What this version of the protocol does not know, and clients have to bear."""
        odd = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
        return [sse({**odd, "made_up": {"of": "tomorrow"}})]

    def read(self, body: dict[str, Any]) -> Question:
        """The question in a request; refuses what OpenAI would refuse."""
        must(not body.keys() - CHAT, f"unknown parameters {sorted(body.keys() - CHAT)}")
        must(not {"max_tokens", "max_completion_tokens"} <= body.keys(), "two limits")
        must("stream_options" not in body or body.get("stream"), "stream_options without stream")
        pieces = _pieces(body["messages"])
        lead = [text for who, _, text, *_ in pieces[:1] if who == "system"]
        tools = [_tool(tool) for tool in body.get("tools", ())]
        must(tools or "tool_choice" not in body, "tool_choice without tools")
        must(tools or "parallel_tool_calls" not in body, "parallel_tool_calls without tools")
        stops = body.get("stop") or ()
        return Question(
            pieces=tuple(pieces[len(lead) :]),
            system="".join(lead),
            tools=tuple(tools),
            must=body.get("tool_choice") == "required",
            has_schema=_has_schema(body.get("response_format")),
            thinks=bool(body.get("reasoning_effort")),
            limit=body.get("max_completion_tokens") or body.get("max_tokens") or 0,
            stops=(stops,) if isinstance(stops, str) else tuple(stops),
        )


def usage(reply: Reply) -> dict[str, Any]:
    """The tokens in OpenAI's words."""
    told = {"prompt_tokens": reply.read, "completion_tokens": reply.wrote, "total_tokens": reply.read + reply.wrote}
    details = {"cached_tokens": reply.cached, "audio_tokens": 0}
    return {**told, "prompt_tokens_details": details, "completion_tokens_details": {"reasoning_tokens": 0}}


def _pieces(messages: list[dict[str, Any]]) -> list[Piece]:
    pieces: list[Piece] = []
    waiting: set[str] = set()
    for message in messages:
        role = message["role"]
        must(role in ROLES, f"role {role}")
        must(not message.keys() - FIELDS[role], f"unknown fields {sorted(message.keys() - FIELDS[role])} of {role}")
        must(role == "tool" or not waiting, "a call without its result")
        who = "system" if role == "developer" else role
        if role == "tool":
            must(message["tool_call_id"] in waiting, "a result without its call")
            waiting.discard(message["tool_call_id"])
            pieces.append((who, "result", message["tool_call_id"], _text(message["content"])))
            continue
        pieces += [_part(who, part) for part in _parts(message.get("content"))]
        calls = message.get("tool_calls")
        must(calls is None or calls, "an empty list of calls")
        for call in calls or ():
            must(set(call) == {"id", "type", "function"} and len(call["id"]) <= 64, "the shape of a call")
            waiting.add(call["id"])
            pieces.append((who, "call", call["id"], call["function"]["name"], plain(call["function"]["arguments"])))
        must(message.get("content") is not None or calls, f"{role} says nothing")
    must(not waiting, "a call without its result")
    return pieces


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str) or content is None:
        return [{"type": "text", "text": content}] if content else []
    must(content, "an empty list of parts")
    return list(content)


def _part(who: str, part: dict[str, Any]) -> Piece:
    if part["type"] == "image_url":
        must(who == "user", f"a picture of {who}")
        return (who, "image", part["image_url"]["url"])
    must(part["type"] == "text", f"a part {part['type']}")
    return (who, "text", part["text"])


def _text(content: Any) -> str:
    must(isinstance(content, (str, list)), "a result without content")
    return "".join(part["text"] for part in _parts(content))


def _tool(tool: dict[str, Any]) -> str:
    must(tool["type"] == "function" and set(tool) == {"type", "function"}, f"a tool {tool}")
    function = tool["function"]
    must(not function.keys() - {"name", "description", "parameters", "strict"}, "unknown fields of a function")
    must(function["parameters"]["type"] == "object", "parameters that are no object")
    return str(function["name"])


def _has_schema(form: Any) -> bool:
    if form is None:
        return False
    must(form["type"] == "json_schema" and form["json_schema"]["name"], f"a format {form}")
    must(form["json_schema"]["schema"]["additionalProperties"] is False, "a schema that is not closed")
    return True


def _finish(reply: Reply) -> str:
    return "tool_calls" if reply.calls and reply.end == "stop" else FINISHES[reply.end]


def _halves(text: str) -> list[str]:
    return [half for half in (text[: len(text) // 2], text[len(text) // 2 :]) if half]


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    head = {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": body.get("model", "")}
    return {**head, "service_tier": "default", "system_fingerprint": "fp_1"}


def _chunk(body: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    usage = {"usage": None} if body.get("stream_options") else {}
    return sse({**_head(body, "chat.completion.chunk"), "choices": [choice], **usage})
