"""Upstreams for agents: they ask for one call after the other, think where they are asked to, and then end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.clients import speech
from tests.clients.speech import Call, Turn
from tests.dialects.playing import send
from tests.fakes import Exchange

DONE_TEXT = "The file is written."
OBJECT_TEXT = '{"city": "Paris"}'


@dataclass(frozen=True)
class Agent:
    """Speaks the dialect of the path: the next of `calls` whose tool is offered, else a text, or JSON where asked."""

    calls: tuple[Call, ...]

    async def play(self, exchange: Exchange) -> None:
        if exchange.path.endswith("/count_tokens"):
            await exchange.answer(200, {"input_tokens": 4321})
            return
        turn, speak = self._turn(exchange.body), speech.of(exchange.path)
        if not exchange.is_stream:
            await exchange.answer(200, speak.whole(exchange.body, turn))
            return
        exchange.head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for event in speak.events(exchange.body, turn):
            await send(exchange, event)
        await exchange.end_stream()

    def _turn(self, body: dict[str, Any]) -> Turn:
        thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        offered = json.dumps(_tools(body))
        for call in self.calls[results_in(body) :]:
            if f'"name": "{call.tool}"' in offered:
                return Turn("", call, thinks=thinks)
        return Turn(OBJECT_TEXT if "json_schema" in json.dumps(_forms(body)) else DONE_TEXT, None, thinks=thinks)


def results_in(body: dict[str, Any]) -> int:
    """How many results of tools are in the conversation, in any dialect."""
    said = [*body.get("messages", ()), *(body["input"] if isinstance(body.get("input"), list) else ())]
    blocks = [block for one in said if isinstance(one.get("content"), list) for block in one["content"]]
    kinds = [str(one.get("type")) for one in (*said, *blocks)]
    return sum(kind == "tool_result" or kind.endswith("_call_output") for kind in kinds) + sum(
        one.get("role") == "tool" for one in said
    )


def _tools(body: dict[str, Any]) -> list[Any]:
    """Those of the request, and those that Codex puts into its input."""
    return [body.get("tools", []), [one.get("tools") for one in body.get("input", ()) if isinstance(one, dict)]]


def _forms(body: dict[str, Any]) -> list[Any]:
    return [body.get("response_format"), body.get("text"), body.get("output_config")]
