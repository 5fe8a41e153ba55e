"""A client's Messages request -> its view as a chat request. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.dialects.call_ids import IN_CHAT, IN_MESSAGES
from engine.dialects.messages import tools
from engine.dialects.messages.turns import Turns, check
from engine.dialects.translation import Malformed, Untranslatable, View

MOST_STOPS = 4
# The least budget of thinking, in tokens, for each effort of OpenAI's.
EFFORT_OF_BUDGET = ((16384, "high"), (4096, "medium"), (0, "low"))
EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
# Parameters with a rule of their own here; any other is reported.
HANDLED = frozenset(
    {
        *("model", "messages", "system", "max_tokens", "stream", "stop_sequences", "temperature", "top_p"),
        *("tools", "tool_choice", "thinking", "output_config", "output_format"),
    }
)
# The client's names of chat's parameters; an effort is what is left of `thinking`, or was given as one.
NAMES = {
    IN_CHAT: IN_MESSAGES,
    "max_completion_tokens": "max_tokens",
    "stop": "stop_sequences",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "response_format": "output_config.format",
    "reasoning_effort": "thinking",
}
NAMES_WITHOUT_THINKING = {**NAMES, "reasoning_effort": "output_config.effort"}


@dataclass(frozen=True, slots=True)
class MessagesView(View):
    """A Messages request as chat, with what the way back needs.

    `long_names` has the client's names of tools by the short ones in `chat`. Thoughts are shown if `shows_thoughts`:
    to a client that did not ask for them the first block is the answer. `message_id` is the answer's; where there is
    none yet, who translates an answer makes one: most requests are answered without.
    """

    long_names: dict[str, str] = field(default_factory=dict)
    shows_thoughts: bool = False
    message_id: str = ""


def view(body: dict[str, Any], *, keeps_marks: bool = False) -> MessagesView:
    """The view of a request; raises Malformed. `keeps_marks`: with the marks for the prompt cache, which chat has not.

    `max_tokens` is required, as at Anthropic; a count of tokens has none and gives any.
    """
    check(body)
    _check_limits(body)
    known, turns = tools.Names(), Turns(keeps_marks=keeps_marks)
    messages = turns.messages(body, known)
    chat: dict[str, Any] = {"model": body.get("model"), "messages": messages}
    chat["max_completion_tokens"] = body["max_tokens"]
    if body.get("stream"):
        chat["stream"] = True
    lost = [name for name, value in body.items() if name not in HANDLED and value is not None]
    lost += _add_sampling(body, chat)
    lost += tools.add(body, chat, known, keeps_marks=keeps_marks)
    lost += _add_thinking(body, chat)
    lost += _add_format(body, chat)
    obstacle = turns.obstacle or _forced_server_tool(body, chat)
    lost += turns.lost
    return MessagesView(
        chat,
        tuple(dict.fromkeys(lost)),
        obstacle,
        NAMES if body.get("thinking") else NAMES_WITHOUT_THINKING,
        known.long_names,
        shows_thoughts=_shows_thoughts(body),
    )


def _check_limits(body: dict[str, Any]) -> None:
    limit = body.get("max_tokens")
    if type(limit) is not int or limit < 1:
        raise Malformed("max_tokens", "'max_tokens' must be an integer of at least 1.")
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Malformed(name, f"'{name}' must be a number.")
    stops = body.get("stop_sequences")
    if stops is not None and not (isinstance(stops, list) and all(isinstance(stop, str) for stop in stops)):
        raise Malformed("stop_sequences", "'stop_sequences' must be a list of texts.")


def _add_sampling(body: dict[str, Any], chat: dict[str, Any]) -> list[str]:
    chat.update({name: body[name] for name in ("temperature", "top_p") if body.get(name) is not None})
    stops = body.get("stop_sequences")
    if stops:
        chat["stop"] = stops[:MOST_STOPS]
    return ["stop_sequences"] if stops and len(stops) > MOST_STOPS else []


def _add_thinking(body: dict[str, Any], chat: dict[str, Any]) -> list[str]:
    thinking, config = body.get("thinking"), body.get("output_config")
    if thinking is not None and not isinstance(thinking, dict):
        raise Malformed("thinking", "'thinking' must be an object.")
    kind = thinking.get("type") if thinking else None
    if kind == "disabled":
        return []
    given = config.get("effort") if isinstance(config, dict) else None
    effort = EFFORTS.get(str(given)) if given is not None else None
    budget = thinking.get("budget_tokens") if thinking and kind == "enabled" else None
    if effort is None and type(budget) is int:
        effort = next(name for least, name in EFFORT_OF_BUDGET if budget >= least)
    if effort is not None:
        chat["reasoning_effort"] = effort
    return ["thinking"] if kind is not None and effort is None else []


def _shows_thoughts(body: dict[str, Any]) -> bool:
    thinking = body.get("thinking") or {}
    return thinking.get("type") in ("enabled", "adaptive") and thinking.get("display") != "omitted"


def _add_format(body: dict[str, Any], chat: dict[str, Any]) -> list[str]:
    config = body.get("output_config")
    if config is not None and not isinstance(config, dict):
        raise Malformed("output_config", "'output_config' must be an object.")
    config = config or {}
    lost = [f"output_config.{name}" for name in config if name not in ("effort", "format")]
    older = body.get("output_format")
    wish = config.get("format") or older
    lost += ["output_format"] if older not in (None, wish) else []
    if wish is None:
        return lost
    schema = wish.get("schema") if isinstance(wish, dict) else None
    if not isinstance(schema, dict):
        raise Malformed("output_config.format", "'output_config.format' must have a JSON schema.")
    chat["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": True},
    }
    return lost


def _forced_server_tool(body: dict[str, Any], chat: dict[str, Any]) -> Untranslatable | None:
    """A request that has to use a tool of Anthropic's own servers."""
    choice = body.get("tool_choice")
    if not isinstance(choice, dict) or choice.get("type") != "tool" or "tool_choice" in chat:
        return None
    return Untranslatable("tool_choice", "The tool that has to be used runs at Anthropic only.")
