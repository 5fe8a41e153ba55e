"""LangChain: ChatOpenAI over chat and Responses, and ChatAnthropic; the second argument names the dialect."""

from __future__ import annotations

import sys
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI
from told import PROMPT, Place, Ways, get_weather, tell


def model_of(place: Place) -> Any:
    """The model of the dialect that the second argument names."""
    options: Any = {"model": place.model, "api_key": place.key, "max_retries": 0, "timeout": 30}
    if sys.argv[2] == "messages":
        return ChatAnthropic(base_url=place.base, max_tokens=200, **options)
    return ChatOpenAI(base_url=f"{place.base}/v1", use_responses_api=sys.argv[2] == "responses", **options)


def text_of(message: Any) -> str:
    """The text, which is a list of blocks in some dialects."""
    return str(message.text)


def ways(place: Place) -> Ways:
    model = model_of(place)

    def streamed() -> str:
        chunks: list[AIMessageChunk] = list(model.stream(PROMPT))
        return "".join(text_of(chunk) for chunk in chunks)

    def tool() -> str:
        handy = model.bind_tools([as_tool(get_weather)])
        first = handy.invoke([HumanMessage(PROMPT)])
        call = first.tool_calls[0]
        result = ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"])
        return text_of(handy.invoke([HumanMessage(PROMPT), first, result]))

    return {"plain": lambda: text_of(model.invoke(PROMPT)), "streamed": streamed, "tool": tool}


tell(ways)
