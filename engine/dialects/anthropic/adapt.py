"""A client's own Messages request, fitted to the Claude model that is called. Pure.

Clients choose features by the model's name. Where they ask for a group, they send what the newest models take.
"""

from __future__ import annotations

from typing import Any

from engine.dialects.anthropic.request import BUDGETS
from engine.dialects.anthropic.signatures import lacks_thoughts, without_marked
from engine.dialects.anthropic.traits import LEAST_BUDGET, Traits, is_claude, traits_of
from engine.dialects.anthropic.turns import reminder
from engine.dialects.call_ids import IN_MESSAGES, UNCLEAN, cleaned, with_ids
from engine.dialects.limits import with_room, within
from engine.dialects.shapes import object_of, objects

# Of a call, and of its result.
CALL_IDS = ("id", "tool_use_id")
SAMPLING = ("temperature", "top_p", "top_k")


def adapted(
    body: dict[str, Any], model: str, *, most_output_tokens: int | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The body for this model, with the names of what is not in it; the same object where nothing had to change.

    A server of other models gets everything but thoughts that are not Anthropic's, and limits above the model's.
    """
    clean = _with_clean_ids(given := without_marked(body))
    replaced = [] if clean is given else [IN_MESSAGES]
    body, lowered = within(clean, most_output_tokens)
    if lowered:
        body, less = with_room(body)
        lowered += less
    if not is_claude(model):
        return body, [*lowered, *replaced]
    traits = traits_of(model)
    changed, lost = _fitted(body, traits)
    return changed, [*lowered, *lost, *replaced]


def _with_clean_ids(body: dict[str, Any]) -> dict[str, Any]:
    """Ids of calls in Anthropic's letters: an earlier answer may be another provider's."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not any(_has_unclean_ids(message) for message in messages):
        return body
    return {**body, "messages": [_cleaned(message) for message in messages]}


def _has_unclean_ids(message: object) -> bool:
    blocks = objects(message.get("content")) if isinstance(message, dict) else ()
    return any(isinstance(id := block.get(name), str) and UNCLEAN.search(id) for block in blocks for name in CALL_IDS)


def _cleaned(message: Any) -> Any:
    if not _has_unclean_ids(message):
        return message
    blocks = (with_ids(block, CALL_IDS, cleaned) if isinstance(block, dict) else block for block in message["content"])
    return {**message, "content": list(blocks)}


def _fitted(body: dict[str, Any], traits: Traits) -> tuple[dict[str, Any], list[str]]:
    lost = [name for name in SAMPLING if body.get(name) is not None] if not traits.takes_sampling else []
    changes = {**_thinking(body, traits, lost), **_config(body, traits, lost), **_turns(body, traits)}
    if not changes and not lost:
        return body, []
    return {name: value for name, value in {**body, **changes}.items() if name not in lost and value is not None}, lost


def _thinking(body: dict[str, Any], traits: Traits, lost: list[str]) -> dict[str, Any]:
    """Thoughts as the model has them; none with a budget in a turn that another provider began without any, because
    Anthropic would refuse it."""
    made = _thoughts(body, traits, lost)
    if object_of(made.get("thinking", body.get("thinking"))).get("type") != "enabled":
        return made
    if not lacks_thoughts(objects(body.get("messages"))):
        return made
    lost.append("thinking")
    return {}


def _thoughts(body: dict[str, Any], traits: Traits, lost: list[str]) -> dict[str, Any]:
    """Thoughts by budget or by effort, as the model has them."""
    wish = object_of(body.get("thinking"))
    kind, display = wish.get("type"), {"display": wish["display"]} if wish.get("display") else {}
    if kind == "enabled" and traits.shows_on_request:
        return {"thinking": {"type": "adaptive", "display": "summarized", **display}}
    if kind != "adaptive" or traits.thinks_adaptively:
        return {}
    effort, limit = object_of(body.get("output_config")).get("effort"), body.get("max_tokens")
    most = limit * 3 // 4 if type(limit) is int else 0
    budget = min(BUDGETS.get(str(effort), BUDGETS["high"]), most)
    if budget >= LEAST_BUDGET:
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    lost.append("thinking")
    return {}


def _config(body: dict[str, Any], traits: Traits, lost: list[str]) -> dict[str, Any]:
    config = object_of(body.get("output_config"))
    if "effort" not in config or traits.takes_effort:
        return {}
    if object_of(body.get("thinking")).get("type") != "adaptive":
        lost.append("output_config.effort")
    return {"output_config": {name: value for name, value in config.items() if name != "effort"} or None}


def _turns(body: dict[str, Any], traits: Traits) -> dict[str, Any]:
    """System messages in mid-conversation as reminders of the user's turn, as older models know them."""
    messages = body.get("messages")
    if traits.takes_system_turns or not any(one.get("role") == "system" for one in objects(messages)):
        return {}
    turns: list[Any] = []
    for message in objects(messages):
        if message.get("role") != "system":
            turns.append(message)
            continue
        reminders = [{**block, "text": reminder(block["text"])} for block in _texts(message.get("content"))]
        if turns and turns[-1].get("role") == "user":
            turns[-1] = {**turns[-1], "content": [*_blocks(turns[-1].get("content")), *reminders]}
        elif reminders:
            turns.append({"role": "user", "content": reminders})
    return {"messages": turns}


def _blocks(content: object) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)


def _texts(content: object) -> list[dict[str, Any]]:
    return [block for block in _blocks(content) if isinstance(block.get("text"), str) and block["text"].strip()]
