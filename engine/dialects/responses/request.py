"""A client's Responses request -> a chat request. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.dialects.call_ids import IN_CHAT, IN_RESPONSES
from engine.dialects.responses.checks import Remarks, list_of, object_of, text_of
from engine.dialects.responses.items import MORE_TOOLS, items_of, kind_of, messages_of
from engine.dialects.responses.kept import PREVIOUS, REFERENCE, references_of
from engine.dialects.responses.tools import Toolbox
from engine.dialects.translation import Malformed, Untranslatable, View

# Parameters with the same name and meaning in chat.
SAME = frozenset(
    {
        *("model", "temperature", "top_p", "user", "service_tier", "safety_identifier", "moderation"),
        *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
        # Not OpenAI's, but other servers of Responses take them.
        *("presence_penalty", "frequency_penalty", "seed", "stop"),
    }
)
# Parameters that have no effect where they are not set to something else.
WITHOUT_EFFECT: dict[str, tuple[object, ...]] = {
    "background": (False,),
    "store": (False,),
    "truncation": ("disabled",),
    "metadata": ({},),
    "context_management": ([],),
    "stream_options": ({}, {"include_obfuscation": False}),
}
# What only a server that keeps responses can do, and what to do elsewhere.
NOTHING_KEPT = "'{}' needs a provider that keeps responses: send the whole conversation."
STATEFUL = {
    PREVIOUS: NOTHING_KEPT,
    "conversation": NOTHING_KEPT,
    "prompt": "'{}' needs a provider that speaks Responses: send its text as instructions.",
    "background": "'{}' is not served, because nobody would know what it costs: ask for a stream.",
}
TRANSLATED = frozenset(
    {
        *SAME,
        *STATEFUL,
        *("input", "instructions", "max_output_tokens", "parallel_tool_calls", "tools", "tool_choice"),
        *("text", "reasoning", "include", "top_logprobs", "stream"),
    }
)
# The client's names of chat's parameters.
NAMES = {
    IN_CHAT: IN_RESPONSES,
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "response_format": "text.format",
    "logprobs": "include.message.output_text.logprobs",
}
LOGPROBS = "message.output_text.logprobs"
TEXT_FIELDS = frozenset({"format", "verbosity"})
FORMAT_FIELDS = ("name", "description", "schema", "strict")
REASONING_FIELDS = frozenset({"effort", "summary", "generate_summary"})


@dataclass(frozen=True, slots=True)
class ResponsesView(View):
    """A Responses request as a chat request. `body` is the client's; `tools` has the names for the way back.

    `shows_thoughts`: the client asked for summaries of the reasoning.
    """

    body: dict[str, Any] = field(default_factory=dict)
    tools: Toolbox = field(default_factory=Toolbox)
    shows_thoughts: bool = False


def view_of(body: dict[str, Any]) -> ResponsesView:
    """The request as chat; raises Malformed."""
    remarks, tools, items = Remarks(), Toolbox(), items_of(body)
    tools.add(list_of(body.get("tools"), "tools"), "tools", remarks)
    for place, item in enumerate(items):
        if kind_of(item, path := f"input[{place}]") in MORE_TOOLS:
            tools.add(list_of(item.get("tools"), f"{path}.tools"), f"{path}.tools", remarks)
    chat = {name: value for name, value in body.items() if name in SAME and value is not None}
    chat["messages"] = _instructions(body) + messages_of(items, tools, remarks)
    if body.get("stream"):
        chat["stream"] = True
    if (most := body.get("max_output_tokens")) is not None:
        chat["max_completion_tokens"] = most
    chat |= _tools(body, tools, remarks) | _text(body, remarks) | _logprobs(body, remarks)
    shows_thoughts = _reasoning(body, chat, remarks)
    _remark(body, remarks)
    return ResponsesView(chat, remarks.dropped, remarks.obstacle, NAMES, body, tools, shows_thoughts)


def needs_background(body: dict[str, Any]) -> Untranslatable | None:
    """The wish for an answer after the answer, whose tokens would be known to nobody."""
    return _obstacle("background") if body.get("background") else None


def needs_kept(body: dict[str, Any]) -> Untranslatable | None:
    """The part of a request that needs a response which the provider has kept."""
    if body.get(PREVIOUS):
        return _obstacle(PREVIOUS)
    path = next(iter(references_of(body)), None)
    return Untranslatable(path, NOTHING_KEPT.format(REFERENCE)) if path else None


def _obstacle(name: str) -> Untranslatable:
    return Untranslatable(name, STATEFUL[name].format(name))


def _instructions(body: dict[str, Any]) -> list[dict[str, Any]]:
    told = body.get("instructions")
    return [{"role": "system", "content": text_of(told, "instructions")}] if told else []


def _tools(body: dict[str, Any], tools: Toolbox, remarks: Remarks) -> dict[str, Any]:
    chosen = tools.choose(body.get("tool_choice"), remarks)
    if chosen and (parallel := body.get("parallel_tool_calls")) is not None:
        chosen["parallel_tool_calls"] = parallel
    return chosen


def _text(body: dict[str, Any], remarks: Remarks) -> dict[str, Any]:
    if body.get("text") is None:
        return {}
    text = object_of(body["text"], "text")
    remarks.drop_others(text, TEXT_FIELDS, "text")
    verbosity = {"verbosity": text["verbosity"]} if text.get("verbosity") else {}
    form = object_of(text.get("format"), "text.format")
    match form.get("type") or "text":
        case "text":
            return verbosity
        case "json_object":
            return verbosity | {"response_format": {"type": "json_object"}}
        case "json_schema":
            schema = {name: form[name] for name in FORMAT_FIELDS if form.get(name) is not None}
            return verbosity | {"response_format": {"type": "json_schema", "json_schema": schema}}
        case _:
            raise Malformed("text.format.type", "'text.format.type' must be 'text', 'json_object' or 'json_schema'.")


def _logprobs(body: dict[str, Any], remarks: Remarks) -> dict[str, Any]:
    include = body.get("include")
    if include is not None and not isinstance(include, list):
        raise Malformed("include", "'include' must be an array.")
    for wanted in include or ():
        if wanted != LOGPROBS:
            remarks.drop(f"include.{wanted}")
    most = body.get("top_logprobs")
    if LOGPROBS not in (include or ()) and not most:
        return {}
    return {"logprobs": True, **({"top_logprobs": most} if most else {})}


def _reasoning(body: dict[str, Any], chat: dict[str, Any], remarks: Remarks) -> bool:
    """Adds the effort; returns whether the client wants to see summaries."""
    if body.get("reasoning") is None:
        return False
    reasoning = object_of(body["reasoning"], "reasoning")
    remarks.drop_others(reasoning, REASONING_FIELDS, "reasoning")
    if (effort := reasoning.get("effort")) is not None:
        chat["reasoning_effort"] = effort
    return bool(reasoning.get("summary") or reasoning.get("generate_summary"))


def _remark(body: dict[str, Any], remarks: Remarks) -> None:
    for name, why in STATEFUL.items():
        if body.get(name):
            remarks.cannot(name, why.format(name))
    for name, value in body.items():
        if name in TRANSLATED or value is None or value in WITHOUT_EFFECT.get(name, ()):
            continue
        remarks.drop(name)
