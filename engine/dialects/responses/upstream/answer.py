"""A whole response of an upstream -> a chat answer. Pure."""

from __future__ import annotations

from typing import Any

from engine.dialects.shapes import object_of, objects

# Why a response is incomplete, in chat's words.
FINISHES = {"max_output_tokens": "length", "content_filter": "content_filter"}
# Between two messages or thoughts, which chat has as one text.
BETWEEN = "\n\n"


def answer(response: dict[str, Any], *, created: int) -> dict[str, Any]:
    """The chat answer; `created` (Unix seconds) where the upstream says nothing. Never raises because of a field."""
    items = objects(response.get("output"))
    parts = [objects(item.get("content")) for item in items if item.get("type") == "message"]
    texts = ["".join(str(part.get("text") or "") for part in message) for message in parts]
    calls = [call for item in items if (call := call_of(item)) is not None]
    said: dict[str, Any] = {
        "role": "assistant",
        "content": BETWEEN.join(filter(None, texts)) or (None if calls else ""),
    }
    said |= _others(items, [part for message in parts for part in message])
    if calls:
        said["tool_calls"] = calls
    logprobs = [one for message in parts for part in message for one in objects(part.get("logprobs"))]
    choice = {
        "index": 0,
        "message": said,
        "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
        "finish_reason": finish_of(response, has_calls=bool(calls)),
    }
    made = {**head_of(response, created), "object": "chat.completion", "choices": [choice]}
    return made | ({"usage": usage} if (usage := chat_usage(response.get("usage"))) else {})


def _others(items: list[dict[str, Any]], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Thoughts, refusals and citations, if there are any."""
    thoughts = [thought for item in items if item.get("type") == "reasoning" for thought in _thoughts(item)]
    refusals = [str(part.get("refusal") or "") for part in parts if part.get("type") == "refusal"]
    notes = [note for part in parts for cited in objects(part.get("annotations")) if (note := citation_of(cited))]
    told: dict[str, Any] = {"reasoning_content": BETWEEN.join(thoughts)} if any(thoughts) else {}
    told |= {"refusal": "".join(refusals)} if any(refusals) else {}
    return told | ({"annotations": notes} if notes else {})


def _thoughts(item: dict[str, Any]) -> list[str]:
    told = objects(item.get("summary")) or objects(item.get("content"))
    return [str(part.get("text") or "") for part in told]


def head_of(response: dict[str, Any], created: int) -> dict[str, Any]:
    """The fields that a chat answer and its chunks begin with."""
    began, tier = response.get("created_at"), response.get("service_tier")
    return {
        "id": str(response.get("id") or "resp"),
        "created": int(began) if isinstance(began, (int, float)) and 0 < began < 1e11 else created,
        "model": str(response.get("model") or ""),
        **({"service_tier": tier} if isinstance(tier, str) else {}),
    }


def finish_of(response: dict[str, Any], *, has_calls: bool) -> str:
    """Chat's finish_reason."""
    if response.get("status") == "incomplete":
        return FINISHES.get(str(object_of(response.get("incomplete_details")).get("reason")), "length")
    return "tool_calls" if has_calls else "stop"


def call_of(item: dict[str, Any]) -> dict[str, Any] | None:
    """A call in chat's words; None for other items."""
    kind, name = item.get("type"), str(item.get("name") or "")
    call_id = str(item.get("call_id") or item.get("id") or "call")
    if kind == "function_call":
        function = {"name": name, "arguments": str(item.get("arguments") or "")}
        return {"id": call_id, "type": "function", "function": function}
    if kind == "custom_tool_call":
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": str(item.get("input") or "")}}
    return None


def citation_of(note: dict[str, Any]) -> dict[str, Any] | None:
    """A citation in chat's words; None for other annotations."""
    if note.get("type") != "url_citation":
        return None
    cited = {name: note.get(name) for name in ("start_index", "end_index", "title", "url")}
    return {"type": "url_citation", "url_citation": cited}


def chat_usage(usage: object) -> dict[str, Any] | None:
    """The tokens in chat's words; None if unknown."""
    told = object_of(usage)
    prompt, completion = _count(told, "input_tokens"), _count(told, "output_tokens")
    if not prompt and not completion:
        return None
    read, written = object_of(told.get("input_tokens_details")), object_of(told.get("output_tokens_details"))
    details = {"cached_tokens": _count(read, "cached_tokens")}
    if cache_writes := _count(read, "cache_write_tokens"):
        details["cache_write_tokens"] = cache_writes
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": _count(written, "reasoning_tokens")},
    }


def _count(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if type(value) is int and value > 0 else 0
