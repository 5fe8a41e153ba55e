"""Limits of output tokens, kept within what a model can write. Pure."""

from __future__ import annotations

from typing import Any

from engine.dialects.anthropic.traits import LEAST_BUDGET

# Chat has two names of it, Responses a third.
NAMES = ("max_tokens", "max_completion_tokens", "max_output_tokens")
BUDGET = "thinking.budget_tokens"


def within(body: dict[str, Any], most: int | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The request with no higher limit than the model's, and the names of what was lowered; the same object if nothing.

    `most` is None where nobody knows the model's.
    """
    if most is None:
        return body, ()
    above = [name for name in NAMES if type(limit := body.get(name)) is int and limit > most]
    return ({**body, **dict.fromkeys(above, most)}, tuple(above)) if above else (body, ())


def with_room(body: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A Messages request whose thoughts leave room for the answer: Anthropic refuses a budget of the whole limit.

    Thinking is switched off where the limit is too low for any.
    """
    thinking, limit = body.get("thinking"), body.get("max_tokens")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if type(budget) is not int or type(limit) is not int or budget < limit:
        return body, ()
    if (left := limit * 3 // 4) < LEAST_BUDGET:
        return {**body, "thinking": {"type": "disabled"}}, (BUDGET,)
    return {**body, "thinking": {**thinking, "budget_tokens": left}}, (BUDGET,)  # type: ignore[dict-item]
