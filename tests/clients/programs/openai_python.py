"""OpenAI's library: chat."""

from __future__ import annotations

import json
from typing import Any

from openai import OpenAI
from told import PROMPT, Place, Ways, get_weather, tell

HI: Any = [{"role": "user", "content": PROMPT}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}


def ways(place: Place) -> Ways:
    client = OpenAI(base_url=f"{place.base}/v1", api_key=place.key, max_retries=0, timeout=30)

    def plain() -> Any:
        return client.chat.completions.create(model=place.model, messages=HI).choices[0].message.content

    def streamed() -> Any:
        stream = client.chat.completions.create(model=place.model, messages=HI, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    def tool() -> Any:
        first = client.chat.completions.create(model=place.model, messages=HI, tools=[TOOL]).choices[0].message
        call: Any = first.tool_calls[0]
        result = get_weather(**json.loads(call.function.arguments))
        turns: Any = [*HI, first, {"role": "tool", "tool_call_id": call.id, "content": result}]
        done = client.chat.completions.create(model=place.model, messages=turns, tools=[TOOL])
        return done.choices[0].message.content

    return {"plain": plain, "streamed": streamed, "tool": tool}


tell(ways)
