"""A chat request -> a request of OpenAI's Responses API. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.dialects.call_ids import IN_CHAT, has_longer
from engine.dialects.gemini_signatures import DROPPED as SIGNATURES
from engine.dialects.gemini_signatures import has_signatures
from engine.dialects.responses.upstream.history import History
from engine.dialects.shapes import object_of, objects
from engine.dialects.translation import Untranslatable

# Parameters with the same name and meaning.
SAME = (
    *("temperature", "top_p", "top_logprobs", "user", "metadata", "service_tier", "safety_identifier", "moderation"),
    *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options"),
)
# Parameters with a rule of their own here; any other is reported if it has a value that changes something.
HANDLED = frozenset(
    {
        *SAME,
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "modalities"),
        *("tools", "tool_choice", "parallel_tool_calls", "response_format", "verbosity", "reasoning_effort"),
        *("logprobs", "web_search_options", "functions", "function_call", "audio"),
    }
)
# Values that say what Responses does anyway.
MEANINGLESS: tuple[tuple[str, object], ...] = (
    ("store", False),
    ("frequency_penalty", 0),
    ("presence_penalty", 0),
    ("logit_bias", {}),
    ("stop", []),
)
# OpenAI refuses a smaller limit here, but not in chat.
LEAST_OUTPUT_TOKENS = 16
FORMAT_FIELDS = ("name", "description", "schema", "strict")
FUNCTION_FIELDS = ("name", "description", "parameters")
LOGPROBS = "message.output_text.logprobs"


@dataclass(frozen=True, slots=True)
class AskedOfResponses:
    """A request for an upstream of Responses; `dropped` are the client's names of parameters that are not in it."""

    body: dict[str, Any]
    dropped: tuple[str, ...] = ()


def request(chat: dict[str, Any], model: str) -> AskedOfResponses:
    """The request for a model with this upstream name; raises Untranslatable.

    The upstream keeps nothing: `store` is false, because nobody could read it, and its default is true.
    """
    _check(chat)
    history = History()
    history.add(chat.get("messages"))
    body: dict[str, Any] = {"model": model, "input": history.items, "store": False}
    body |= {name: chat[name] for name in SAME if chat.get(name) is not None}
    if chat.get("stream"):
        body["stream"] = True
    lost = [name for name, value in chat.items() if name not in HANDLED and _changes_something(name, value)]
    lost += history.lost + _add_limit(chat, body)
    lost += [SIGNATURES] if has_signatures(chat.get("messages")) else []
    lost += [IN_CHAT] if has_longer(chat.get("messages")) else []
    _add_text(chat, body)
    _add_tools(chat, body)
    if (effort := chat.get("reasoning_effort")) is not None:
        body["reasoning"] = {"effort": effort}
    if chat.get("logprobs"):
        body["include"] = [LOGPROBS]
    return AskedOfResponses(body, tuple(dict.fromkeys(lost)))


def _check(chat: dict[str, Any]) -> None:
    if chat.get("n") not in (None, 1):
        raise Untranslatable("n", "Responses gives one answer to a request.")
    modalities = chat.get("modalities")
    if isinstance(modalities, list) and set(map(str, modalities)) - {"text"}:
        raise Untranslatable("modalities", "Responses answers with text only.")
    if chat.get("audio"):
        raise Untranslatable("audio", "Responses answers with text only.")
    for name in ("functions", "function_call"):
        if chat.get(name):
            raise Untranslatable(name, f"Responses has 'tools', not '{name}'.")


def _changes_something(name: str, value: object) -> bool:
    return value is not None and (name, value) not in MEANINGLESS


def _add_limit(chat: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """The limit of output tokens; its name where it had to be raised."""
    for name in ("max_completion_tokens", "max_tokens"):
        if type(value := chat.get(name)) is int:
            body["max_output_tokens"] = max(value, LEAST_OUTPUT_TOKENS)
            return [name] if value < LEAST_OUTPUT_TOKENS else []
    return []


def _add_text(chat: dict[str, Any], body: dict[str, Any]) -> None:
    text: dict[str, Any] = {}
    form = object_of(chat.get("response_format"))
    if form.get("type") == "json_schema":
        schema = object_of(form.get("json_schema"))
        told = {name: schema[name] for name in FORMAT_FIELDS if schema.get(name) is not None}
        text["format"] = {"type": "json_schema", **told}
    elif form:
        text["format"] = {"type": form.get("type")}
    if (verbosity := chat.get("verbosity")) is not None:
        text["verbosity"] = verbosity
    if text:
        body["text"] = text


def _add_tools(chat: dict[str, Any], body: dict[str, Any]) -> None:
    tools = [_tool(tool) for tool in objects(chat.get("tools"))]
    if chat.get("web_search_options") is not None:
        tools.append(_search(object_of(chat["web_search_options"])))
    if not tools:
        return
    body["tools"] = tools
    if (choice := chat.get("tool_choice")) is not None:
        body["tool_choice"] = _choice(choice)
    if (parallel := chat.get("parallel_tool_calls")) is not None:
        body["parallel_tool_calls"] = parallel


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") == "custom":
        custom = object_of(tool.get("custom"))
        told = {name: custom[name] for name in ("name", "description") if custom.get(name) is not None}
        form = object_of(custom.get("format"))
        if form.get("type") == "grammar":
            form = {"type": "grammar", **object_of(form.get("grammar"))}
        return {"type": "custom", **told, **({"format": form} if form else {})}
    function = object_of(tool.get("function"))
    told = {name: function[name] for name in FUNCTION_FIELDS if function.get(name) is not None}
    # Where nothing is said, chat is not strict, and Responses is.
    return {"type": "function", "parameters": {"type": "object", "properties": {}}, **told, "strict": _strict(function)}


def _strict(function: dict[str, Any]) -> bool:
    return bool(function.get("strict"))


def _choice(choice: object) -> object:
    if not isinstance(choice, dict):
        return choice
    kind = choice.get("type")
    if kind == "allowed_tools":
        allowed = object_of(choice.get("allowed_tools"))
        return {"type": kind, "mode": allowed.get("mode"), "tools": [*map(_choice, objects(allowed.get("tools")))]}
    return {"type": kind, "name": object_of(choice.get(str(kind))).get("name")}


def _search(options: dict[str, Any]) -> dict[str, Any]:
    size = {"search_context_size": options["search_context_size"]} if options.get("search_context_size") else {}
    place = object_of(object_of(options.get("user_location")).get("approximate"))
    return {"type": "web_search", **size, **({"user_location": {"type": "approximate", **place}} if place else {})}
