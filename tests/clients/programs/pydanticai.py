"""pydantic-ai: its models for chat, Responses and Messages, named by the second argument."""

from __future__ import annotations

import sys
from typing import Any

from pydantic_ai import Agent
from told import PROMPT, Place, Ways, get_weather, tell, wait


def messages(place: Place, **options: Any) -> Any:
    """A model for Messages."""
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(base_url=place.base, **options)
    return AnthropicModel(place.model, provider=AnthropicProvider(anthropic_client=client))


def openai(place: Place, **options: Any) -> Any:
    """A model for chat or Responses."""
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    kind = OpenAIResponsesModel if sys.argv[2] == "responses" else OpenAIChatModel
    client = AsyncOpenAI(base_url=f"{place.base}/v1", **options)
    return kind(place.model, provider=OpenAIProvider(openai_client=client))


def model_of(place: Place) -> Any:
    """The model of the dialect that the second argument names; each needs only its own library."""
    make = messages if sys.argv[2] == "messages" else openai
    return make(place, api_key=place.key, max_retries=0, timeout=30)


def ways(place: Place) -> Ways:
    async def streamed() -> str:
        async with Agent(model_of(place)).run_stream(PROMPT) as run:
            return "".join([piece async for piece in run.stream_text(delta=True, debounce_by=None)])

    def output(agent: Agent[None, Any]) -> Any:
        return wait(agent.run(PROMPT)).output

    return {
        "plain": lambda: output(Agent(model_of(place))),
        "streamed": lambda: wait(streamed()),
        "tool": lambda: output(Agent(model_of(place), tools=[get_weather])),
    }


tell(ways)
