"""A chat request -> a request of Anthropic's Messages API. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.dialects.anthropic import tools
from engine.dialects.anthropic.signatures import lacks_thoughts
from engine.dialects.anthropic.traits import LEAST_BUDGET, Traits, traits_of
from engine.dialects.anthropic.turns import lost_in, split
from engine.dialects.call_ids import IN_CHAT, UNCLEAN, ids_in
from engine.dialects.translation import Untranslatable

# Budgets of thinking in tokens, for models without an effort of their own.
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768}
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
LEAST_TOP_P = 0.95
TIERS = {"auto": "auto", "default": "standard_only"}
# Parameters with a rule of their own here; any other is reported if it has a value that changes something.
HANDLED = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop"),
        *("temperature", "top_p", "top_k", "tools", "tool_choice", "parallel_tool_calls", "response_format"),
        *("reasoning_effort", "thinking", "user", "safety_identifier", "service_tier", "modalities", "n"),
    }
)
# Values that say what Anthropic does anyway.
MEANINGLESS: tuple[tuple[str, object], ...] = (
    ("logprobs", False),
    ("store", False),
    ("frequency_penalty", 0),
    ("presence_penalty", 0),
    ("logit_bias", {}),
    ("metadata", {}),
    ("functions", []),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an Anthropic upstream.

    `dropped` are the client's names of parameters that are missing in it or had to be changed. `schema_tool` is the
    name of the tool whose input is the answer, where a model takes no schema.
    """

    body: dict[str, Any]
    dropped: tuple[str, ...] = ()
    schema_tool: str | None = None


def request(chat: dict[str, Any], model: str, *, most_output_tokens: int | None = None) -> Asked:
    """The request for a model with this upstream name; raises Untranslatable.

    `most_output_tokens` is the model's limit, which is sent where the client set none; None if unknown.
    """
    _check(chat)
    traits = traits_of(model)
    system, turns = split(chat.get("messages"))
    body: dict[str, Any] = {"model": model, "max_tokens": _max_tokens(chat, traits, most_output_tokens)}
    if system:
        body["system"] = system
    body["messages"] = turns
    lost = [name for name, value in chat.items() if name not in HANDLED and _changes_something(name, value)]
    lost += [*lost_in(chat["messages"]), *tools.add(chat, body)]
    schema_tool, unmet = tools.add_schema(chat, body, takes_schema=traits.takes_schema)
    lost += unmet
    lost += _add_thinking(chat, body, traits, most_output_tokens)
    lost += _add_sampling(chat, body, traits)
    lost += _add_others(chat, body)
    lost += [IN_CHAT] if any(map(UNCLEAN.search, ids_in(chat.get("messages")))) else []
    return Asked(body, tuple(dict.fromkeys(lost)), schema_tool)


def _check(chat: dict[str, Any]) -> None:
    if chat.get("n") not in (None, 1):
        raise Untranslatable("n", "Anthropic gives one answer to a request.")
    modalities = chat.get("modalities")
    if isinstance(modalities, list) and set(map(str, modalities)) - {"text"}:
        raise Untranslatable("modalities", "Anthropic answers with text only.")
    if chat.get("functions"):
        raise Untranslatable("functions", "Anthropic has 'tools', not 'functions'.")


def _changes_something(name: str, value: object) -> bool:
    return value is not None and (name, value) not in MEANINGLESS


def _max_tokens(chat: dict[str, Any], traits: Traits, most: int | None) -> int:
    given = _wished(chat)
    return min(given if given is not None else most or traits.default_max_tokens, most or 10**9)


def _wished(chat: dict[str, Any]) -> int | None:
    """The client's limit of output tokens."""
    values = (chat.get("max_completion_tokens"), chat.get("max_tokens"))
    return next((value for value in values if type(value) is int and value > 0), None)


def _add_thinking(chat: dict[str, Any], body: dict[str, Any], traits: Traits, most: int | None) -> list[str]:
    """Thinking where the client asked for it and the conversation allows it; the names of what was not possible."""
    own, effort = chat.get("thinking"), chat.get("reasoning_effort")
    if not isinstance(own, dict) and effort is None:
        return []
    name = "thinking" if isinstance(own, dict) else "reasoning_effort"
    can_think = body.get("tool_choice", {}).get("type") not in ("any", "tool") and not lacks_thoughts(body["messages"])
    if isinstance(own, dict):
        wish: dict[str, Any] | None = own
    elif effort == "none":
        wish, can_think = ({"type": "disabled"} if traits.thinks_unasked else None), True
    else:
        wish = _thinking_of(str(effort), chat, body, traits, most)
        can_think = can_think and wish is not None
        if traits.thinks_adaptively and (known := _effort_of(str(effort), traits)):
            body["output_config"] = {**body.get("output_config", {}), "effort": known}
    if wish is not None and can_think:
        body["thinking"] = wish
    return [] if can_think else [name]


def _effort_of(effort: str, traits: Traits) -> str | None:
    known = EFFORTS.get(effort)
    return "high" if known == "xhigh" and not traits.shows_on_request else known


def _thinking_of(
    effort: str, chat: dict[str, Any], body: dict[str, Any], traits: Traits, most: int | None
) -> dict[str, Any] | None:
    """The wish for thoughts; None if the effort is unknown or the answer too short for thoughts."""
    if effort not in BUDGETS:
        return None
    if traits.thinks_adaptively:
        return {"type": "adaptive", **({"display": "summarized"} if traits.shows_on_request else {})}
    budget = BUDGETS[effort]
    if _wished(chat) is None:
        body["max_tokens"] = min(body["max_tokens"] + budget, most or 10**9)
    # The budget is a part of the limit, and something has to be left for the answer.
    budget = min(budget, body["max_tokens"] * 3 // 4)
    return {"type": "enabled", "budget_tokens": budget} if budget >= LEAST_BUDGET else None


def _add_sampling(chat: dict[str, Any], body: dict[str, Any], traits: Traits) -> list[str]:
    """temperature, top_p and top_k, as far as model and thinking allow; the names of those that don't arrive as they
    were."""
    names = ("temperature", "top_p", "top_k")
    given: dict[str, float] = {name: chat[name] for name in names if _is_number(chat.get(name))}
    thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    kept = dict(given) if traits.takes_sampling else {}
    if thinks:
        kept = {name: value for name, value in kept.items() if name == "top_p" and LEAST_TOP_P <= value <= 1}
    if "temperature" in kept and not traits.takes_both_samplings:
        kept.pop("top_p", None)
    if "temperature" in kept:
        kept["temperature"] = min(kept["temperature"], 1)
    body.update(kept)
    # 1 is the default of both.
    return [n for n, v in given.items() if kept.get(n) != v and not (n != "top_k" and v == 1)]


def _add_others(chat: dict[str, Any], body: dict[str, Any]) -> list[str]:
    lost = []
    if chat.get("stream"):
        body["stream"] = True
    stops = chat.get("stop")
    if isinstance(stops, str | list):
        texts = [stops] if isinstance(stops, str) else stops
        # Anthropic refuses stop sequences of blanks.
        if kept := [text for text in texts if isinstance(text, str) and text.strip()]:
            body["stop_sequences"] = kept
        lost += ["stop"] if len(kept) < len(texts) else []
    user = chat.get("safety_identifier") or chat.get("user")
    if isinstance(user, str) and 0 < len(user) <= 256:
        body["metadata"] = {"user_id": user}
    elif user:
        lost.append("user")
    if chat.get("user") not in (None, user) and "user" not in lost:
        lost.append("user")  # Anthropic has one field for both
    if (tier := chat.get("service_tier")) is not None:
        if isinstance(tier, str) and tier in TIERS:
            body["service_tier"] = TIERS[tier]
        else:
            lost.append("service_tier")
    return lost


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
