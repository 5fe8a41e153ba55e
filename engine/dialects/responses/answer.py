"""A whole chat answer -> a response, and the fields that every response has. Pure but for ids and the clock."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from engine.dialects.responses.output import NewId, Output
from engine.dialects.responses.request import ResponsesView
from engine.upstreams.tokens import Usage

# What a response says about parameters that the client did not set.
DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": None,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
# Nothing is kept, and nothing runs in the background.
FIXED: dict[str, Any] = {"background": False, "store": False, "truncation": "disabled"}
# Why a response has no natural end.
REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def new_id(kind: str) -> str:
    """A new id of an item or a response: `msg_…`."""
    return f"{kind}_{secrets.token_hex(24)}"


def repeated(body: Mapping[str, Any]) -> dict[str, Any]:
    """The client's parameters as a response repeats them."""
    given = {name: body[name] for name in DEFAULTS if body.get(name) is not None}
    return {**DEFAULTS, **given, **FIXED}


def headed(id: str, model: str, created_at: int) -> dict[str, Any]:
    """The first fields of a response."""
    return {"id": id, "object": "response", "created_at": created_at, "model": model}


def ended(finish: str | None) -> dict[str, Any]:
    """The state of a response whose answer ended with this reason of chat."""
    if reason := REASONS.get(finish or ""):
        return {"status": "incomplete", "error": None, "incomplete_details": {"reason": reason}}
    return {"status": "completed", "error": None, "incomplete_details": None}


def usage_of(usage: Usage | None) -> dict[str, Any] | None:
    """The tokens in the words of Responses."""
    if usage is None:
        return None
    read = {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": read,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def answer(
    view: ResponsesView,
    chat: dict[str, Any],
    usage: Usage | None,
    *,
    new_id: NewId = new_id,
    now: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """The response for a whole chat answer; of several choices the first."""
    choice = first_choice(chat)
    message, finish = choice.get("message"), choice.get("finish_reason")
    output = Output(view.tools, new_id, _untold, shows_thoughts=view.shows_thoughts)
    output.add(message if isinstance(message, dict) else {}, choice.get("logprobs"))
    state = ended(finish if isinstance(finish, str) else None)
    output.end(state["status"], is_answer=state["status"] == "completed")
    return {
        **headed(new_id("resp"), model_of(chat, view), created_of(chat, now)),
        **state,
        "output": output.items(),
        "usage": usage_of(usage),
        **repeated(view.body),
        **tier_of(chat),
    }


def first_choice(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The answer number 0 of a chunk or a whole answer; an empty object without it."""
    choices = fields.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return {}


def model_of(chat: Mapping[str, Any], view: ResponsesView) -> str:
    """The name of the model: the upstream's, else the client's."""
    name = chat.get("model")
    return name if isinstance(name, str) and name else str(view.body.get("model") or "")


def created_of(chat: Mapping[str, Any], now: Callable[[], float]) -> int:
    """When the answer began, in Unix seconds."""
    created = chat.get("created")
    return created if type(created) is int and created > 0 else int(now())


def tier_of(chat: Mapping[str, Any]) -> dict[str, Any]:
    """The service tier that the upstream used, if it says so."""
    tier = chat.get("service_tier")
    return {"service_tier": tier} if isinstance(tier, str) else {}


def _untold(*_: object) -> None:
    pass
