"""An upstream of Responses that keeps what it answers, as OpenAI's does: on a real socket, with a store of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes import Exchange

_numbers = itertools.count(1)


@dataclass
class Keeping:
    """Answers with a text that says how many turns it knows, and keeps the response unless `store` is false.

    `kept` are the responses by id, with their input. `cuts_after`: a stream breaks after so many events. `thinks`:
    whole answers have reasoning, of which it gives no more than the id; it is refused where it is not kept.
    `streams_again`: a stored response is streamed to those who ask for that. `runs_in_background`: a stored stream says
    that it has begun, and goes on until it is cancelled, even if nobody listens; what has ended can't be cancelled.
    """

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    cuts_after: int | None = None
    thinks: bool = False
    streams_again: bool = True
    runs_in_background: bool = False
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0].partition("/responses")[2].strip("/")
        if not path:
            await self._create(exchange)
            return
        response_id, _, part = path.partition("/")
        if (found := self.kept.get(response_id)) is None:
            await _refuse(exchange, 404, f"Response with id '{response_id}' not found.")
        elif exchange.method == "DELETE":
            del self.kept[response_id]
            await exchange.answer(200, {"id": response_id, "object": "response.deleted", "deleted": True})
        elif part == "input_items":
            items = {"object": "list", "data": found["asked"], "has_more": False, "first_id": "a", "last_id": "b"}
            await exchange.answer(200, items)
        elif part == "cancel":
            await self._cancel(exchange, found["response"])
        elif "stream=true" in exchange.path and self.streams_again:
            await self._stream(exchange, found["response"])
        else:
            await exchange.answer(200, found["response"])

    async def _cancel(self, exchange: Exchange, response: dict[str, Any]) -> None:
        if self.runs_in_background and response["status"] == "completed":
            await _refuse(exchange, 400, "Cannot cancel a synchronous response.")
            return
        response["status"] = "cancelled"
        self.cancelled.set()
        await exchange.answer(200, response)

    async def _create(self, exchange: Exchange) -> None:
        body = exchange.body
        previous = body.get("previous_response_id")
        if previous and previous not in self.kept:
            why = f"Previous response with id '{previous}' not found."
            await _refuse(exchange, 400, why, "previous_response_id", "previous_response_not_found")
            return
        known = {item["id"] for found in self.kept.values() for item in found["response"]["output"]}
        items = body["input"] if isinstance(body["input"], list) else []
        if lost := next(
            (one["id"] for one in items if one.get("type") == "reasoning" and one["id"] not in known), None
        ):
            await _refuse(exchange, 404, f"Item with id '{lost}' not found.", "input")
            return
        turns = 1 + (self.kept[previous]["turns"] if previous else 0)
        response = self._response(body, previous, turns)
        if response["store"]:
            asked = [{"type": "message", "id": "msg_in", "role": "user", "content": []}]
            self.kept[response["id"]] = {"response": response, "turns": turns, "asked": asked}
        if not exchange.is_stream:
            await exchange.answer(200, response)
            return
        if self.runs_in_background and response["store"]:
            await self._run(exchange, response)
            return
        await self._stream(exchange, response)

    async def _run(self, exchange: Exchange, response: dict[str, Any]) -> None:
        """The beginning of a stream, which ends without a word when the response is cancelled."""
        response["status"] = "in_progress"
        exchange.start_stream()
        for number, event in enumerate(_events(response)[:5]):
            await exchange.event(json.dumps({**event, "sequence_number": number}))
        await self.cancelled.wait()
        with suppress(ConnectionError):  # nobody may be listening any more
            await exchange.end_stream()

    async def _stream(self, exchange: Exchange, response: dict[str, Any]) -> None:
        exchange.start_stream()
        after = int(parse_qs(urlsplit(exchange.path).query).get("starting_after", ["-1"])[0])
        for number, event in list(enumerate(_events(response)))[after + 1 :]:
            if number == self.cuts_after:
                exchange.hang_up()
                return
            await exchange.event(json.dumps({**event, "sequence_number": number}))
        await exchange.end_stream()

    def _response(self, body: dict[str, Any], previous: str | None, turns: int) -> dict[str, Any]:
        number = f"{next(_numbers):048x}"
        text = {"type": "output_text", "text": f"turn {turns}", "annotations": []}
        item = {"type": "message", "id": f"msg_{number}", "status": "completed", "role": "assistant", "content": [text]}
        usage: dict[str, Any] = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
        usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        head = {"id": f"resp_{number}", "object": "response", "created_at": 1_700_000_000, "status": "completed"}
        told = {"model": body["model"], "previous_response_id": previous, "store": body.get("store", True) is not False}
        rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "usage": usage}
        thought = {"type": "reasoning", "id": f"rs_{number}", "summary": []}
        return {**head, **told, **rest, "output": [thought, item] if self.thinks else [item]}


def _events(response: dict[str, Any]) -> list[dict[str, Any]]:
    [item] = response["output"]
    [text] = item["content"]
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": {**text, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": text["text"], "logprobs": []},
        {"type": "response.output_text.done", **place, "text": text["text"], "logprobs": []},
        {"type": "response.content_part.done", **place, "part": text},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]


async def _refuse(exchange: Exchange, status: int, message: str, param: str | None = None, code: str | None = None):
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    await exchange.answer(status, {"error": error})
