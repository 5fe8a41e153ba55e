"""A question in each protocol of clients, written from the vendors' documentation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.conformance.words import ERROR, PARAMETERS, SCHEMA, Question

Body = dict[str, Any]
BUDGET = 2048


def asked(door: str, question: Question, *, is_stream: bool) -> Body:
    """The client's request, without the model."""
    body = ASKING[door](question)
    return {**body, "stream": True, **MORE_OF_STREAMS.get(door, {})} if is_stream else body


def _chat(question: Question) -> Body:
    body: Body = {"messages": [], "max_completion_tokens": question.limit}
    if question.system:
        body["messages"].append({"role": "system", "content": question.system})
    for who, kind, *what in question.pieces:
        last: Body = body["messages"][-1] if body["messages"] else {"role": ""}
        if kind == "result":
            body["messages"].append({"role": "tool", "tool_call_id": what[0], "content": what[1]})
        elif kind == "call":
            function = {"name": what[1], "arguments": what[2]}
            if last["role"] != who:
                body["messages"].append(last := {"role": who, "content": None})
            last.setdefault("tool_calls", []).append({"id": what[0], "type": "function", "function": function})
        else:
            part: Body = {"type": "text", "text": what[0]}
            if kind == "image":
                part = {"type": "image_url", "image_url": {"url": what[0]}}
            _join(body["messages"], who, part)
    if question.tools:
        body["tools"] = [{"type": "function", "function": _function(name, "parameters")} for name in question.tools]
    if question.must:
        body["tool_choice"] = "required"
    if question.has_schema:
        form = {"name": "answer", "strict": True, "schema": SCHEMA}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if question.thinks:
        body["reasoning_effort"] = "medium"
    return body | ({"stop": list(question.stops)} if question.stops else {})


def _responses(question: Question) -> Body:
    body: Body = {"input": [], "max_output_tokens": question.limit, "store": False}
    if question.system:
        body["instructions"] = question.system
    for who, kind, *what in question.pieces:
        if kind == "result":
            body["input"].append({"type": "function_call_output", "call_id": what[0], "output": what[1]})
        elif kind == "call":
            body["input"].append({"type": "function_call", "call_id": what[0], "name": what[1], "arguments": what[2]})
        else:
            words = "output_text" if who == "assistant" else "input_text"
            part: Body = {"type": words, "text": what[0]}
            if kind == "image":
                part = {"type": "input_image", "image_url": what[0], "detail": "auto"}
            _join(body["input"], who, part)
    if question.tools:
        tools = (_function(name, "parameters") for name in question.tools)
        body["tools"] = [{"type": "function", **tool, "strict": False} for tool in tools]
    if question.must:
        body["tool_choice"] = "required"
    if question.has_schema:
        body["text"] = {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA}}
    return body | ({"reasoning": {"effort": "medium", "summary": "auto"}} if question.thinks else {})


def _messages(question: Question) -> Body:
    body: Body = {"messages": [], "max_tokens": question.limit}
    if question.system:
        body["system"] = question.system
    for who, kind, *what in question.pieces:
        block: Body = {"type": "text", "text": what[0]}
        if kind == "result":
            block = {"type": "tool_result", "tool_use_id": what[0], "content": what[1].removeprefix(ERROR)}
            block |= {"is_error": True} if what[1].startswith(ERROR) else {}
        elif kind == "call":
            block = {"type": "tool_use", "id": what[0], "name": what[1], "input": json.loads(what[2])}
        elif kind == "image":
            block = {"type": "image", "source": _source(what[0])}
        _join(body["messages"], "user" if who == "tool" else who, block)
    if question.tools:
        body["tools"] = [_function(name, "input_schema") for name in question.tools]
    if question.must:
        body["tool_choice"] = {"type": "any"}
    if question.has_schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
    if question.thinks:
        body["thinking"] = {"type": "enabled", "budget_tokens": BUDGET}
    return body | ({"stop_sequences": list(question.stops)} if question.stops else {})


ASKING: dict[str, Callable[[Question], Body]] = {"chat": _chat, "responses": _responses, "messages": _messages}
MORE_OF_STREAMS: dict[str, Body] = {"chat": {"stream_options": {"include_usage": True}}}


def _join(messages: list[Body], who: str, part: Body) -> None:
    """A part of the last message, or of a new one."""
    last = messages[-1] if messages else {}
    if last.get("role") != who or not isinstance(last.get("content"), list):
        messages.append(last := {"role": who, "content": []})
    last["content"].append(part)


def _function(name: str, parameters: str) -> Body:
    return {"name": name, "description": f"Tool {name}.", parameters: PARAMETERS}


def _source(url: str) -> Body:
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "base64", "media_type": kind, "data": data}
