"""OpenAI's Agents SDK, which speaks Responses."""

from __future__ import annotations

from typing import Any

from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from told import PROMPT, Place, Ways, get_weather, tell, wait

set_tracing_disabled(True)


def ways(place: Place) -> Ways:
    client = AsyncOpenAI(base_url=f"{place.base}/v1", api_key=place.key, max_retries=0, timeout=30)
    model = OpenAIResponsesModel(model=place.model, openai_client=client)
    bare = Agent(name="bare", instructions="Be short.", model=model)
    handy = Agent(name="handy", instructions="Use your tool.", model=model, tools=[function_tool(get_weather)])

    async def _streamed() -> str:
        run = Runner.run_streamed(bare, PROMPT)
        events: list[Any] = [event.data async for event in run.stream_events() if event.type == "raw_response_event"]
        return "".join(event.delta for event in events if event.type == "response.output_text.delta")

    return {
        "plain": lambda: wait(Runner.run(bare, PROMPT)).final_output,
        "streamed": lambda: wait(_streamed()),
        "tool": lambda: wait(Runner.run(handy, PROMPT)).final_output,
    }


tell(ways)
