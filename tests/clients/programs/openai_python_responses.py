"""OpenAI's library: Responses."""

from __future__ import annotations

import json
from typing import Any

from openai import OpenAI
from told import PROMPT, Place, Ways, get_weather, tell

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": False}


def ways(place: Place) -> Ways:
    client = OpenAI(base_url=f"{place.base}/v1", api_key=place.key, max_retries=0, timeout=30)

    def plain() -> Any:
        return client.responses.create(model=place.model, input=PROMPT).output_text

    def streamed() -> Any:
        with client.responses.stream(model=place.model, input=PROMPT) as stream:
            return "".join(event.delta for event in stream if event.type == "response.output_text.delta")

    def tool() -> Any:
        asked: Any = [{"role": "user", "content": PROMPT}]
        first = client.responses.create(model=place.model, input=asked, tools=[TOOL])
        call: Any = next(item for item in first.output if item.type == "function_call")
        result = get_weather(**json.loads(call.arguments))
        back = {"type": "function_call_output", "call_id": call.call_id, "output": result}
        return client.responses.create(model=place.model, input=[*asked, *first.output, back], tools=[TOOL]).output_text

    return {"plain": plain, "streamed": streamed, "tool": tool}


tell(ways)
