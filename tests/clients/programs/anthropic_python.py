"""Anthropic's library: Messages."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic
from told import PROMPT, Place, Ways, get_weather, tell

HI: Any = [{"role": "user", "content": PROMPT}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {"name": "get_weather", "description": "The weather.", "input_schema": SCHEMA}


def ways(place: Place) -> Ways:
    client = Anthropic(base_url=place.base, api_key=place.key, max_retries=0, timeout=30)
    asked: Any = {"model": place.model, "max_tokens": 200}

    def plain() -> Any:
        return client.messages.create(**asked, messages=HI).content[-1].text

    def streamed() -> Any:
        with client.messages.stream(**asked, messages=HI) as stream:
            return "".join(stream.text_stream)

    def tool() -> Any:
        first = client.messages.create(**asked, messages=HI, tools=[TOOL])
        call: Any = next(block for block in first.content if block.type == "tool_use")
        result = {"type": "tool_result", "tool_use_id": call.id, "content": get_weather(**call.input)}
        turns: Any = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
        return client.messages.create(**asked, messages=turns, tools=[TOOL]).content[-1].text

    return {"plain": plain, "streamed": streamed, "tool": tool}


tell(ways)
