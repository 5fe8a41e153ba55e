"""LlamaIndex's OpenAILike: chat."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from told import PROMPT, Place, Ways, get_weather, tell


def ways(place: Place) -> Ways:
    model = OpenAILike(
        model=place.model,
        api_base=f"{place.base}/v1",
        api_key=place.key,
        is_chat_model=True,
        is_function_calling_model=True,
        max_retries=0,
        timeout=30,
    )
    hi = ChatMessage(role=MessageRole.USER, content=PROMPT)
    tools = [FunctionTool.from_defaults(fn=get_weather)]

    def tool() -> Any:
        first = model.chat_with_tools(tools, chat_history=[hi])
        [call] = model.get_tool_calls_from_response(first)
        result = ChatMessage(
            role=MessageRole.TOOL,
            content=get_weather(**call.tool_kwargs),
            additional_kwargs={"tool_call_id": call.tool_id},
        )
        return model.chat_with_tools(tools, chat_history=[hi, first.message, result]).message.content

    return {
        "plain": lambda: model.chat([hi]).message.content,
        "streamed": lambda: "".join(chunk.delta or "" for chunk in model.stream_chat([hi])),
        "tool": tool,
    }


tell(ways)
