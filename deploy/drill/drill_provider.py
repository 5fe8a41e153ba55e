"""A provider of the drill: speaks OpenAI's chat completions, says its word, takes its time. No code of the console.

Run by its path, with a port. Answers take 30 to 300 ms, streams come in six pieces.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any

from aiohttp import web

QUICKEST_S, SLOWEST_S = 0.03, 0.3
USAGE = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
chance = random.SystemRandom()


async def chat(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    text = f"You said {asked['messages'][-1]['content']}."
    takes_s = chance.uniform(QUICKEST_S, SLOWEST_S)
    if asked.get("stream"):
        return await _stream(request, asked, text, takes_s)
    await asyncio.sleep(takes_s)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return web.json_response({**_envelope(asked, "chat.completion"), "choices": [choice], "usage": USAGE})


async def _stream(request: web.Request, asked: dict[str, Any], text: str, takes_s: float) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    envelope = _envelope(asked, "chat.completion.chunk")
    size = -(-len(text) // 6)
    for start in range(0, len(text), size):
        await asyncio.sleep(takes_s / 6)
        await _send(answer, {**envelope, "choices": [_delta({"content": text[start : start + size]})]})
    await _send(answer, {**envelope, "choices": [_delta({}, "stop")]})
    if (asked.get("stream_options") or {}).get("include_usage"):
        await _send(answer, {**envelope, "choices": [], "usage": USAGE})
    await answer.write(b"data: [DONE]\n\n")
    return answer


def _envelope(asked: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{chance.getrandbits(64):x}", "object": kind, "created": 1, "model": asked["model"]}


def _delta(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


async def _send(answer: web.StreamResponse, event: dict[str, Any]) -> None:
    await answer.write(b"data: " + json.dumps(event).encode() + b"\n\n")


async def models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "drill", "object": "model"}]})


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/v1/models", models)])
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
