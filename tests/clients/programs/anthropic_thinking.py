"""Anthropic's library against a base URL: every way of asking; prints what came as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import anthropic

HI: Any = [{"role": "user", "content": "Run it."}]
TOOLS: Any = [
    {
        "name": "Bash",
        "description": "Runs a command.",
        "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
    }
]


def main(base: str, key: str, model: str) -> None:
    client = anthropic.Anthropic(base_url=base, api_key=key, max_retries=0, timeout=30)
    said: dict[str, Any] = {}
    plain = client.messages.create(model=model, max_tokens=50, messages=HI)
    said["plain"] = [plain.content[0].text, plain.stop_reason, plain.model, plain.usage.output_tokens]
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    with client.messages.stream(model=model, max_tokens=4000, messages=HI, tools=TOOLS, thinking=thinking) as stream:
        kinds = sorted({event.type for event in stream})
        asked = stream.get_final_message()
    said["kinds"], said["asked"] = kinds, [block.type for block in asked.content]
    call = next(block for block in asked.content if block.type == "tool_use")
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "ok"}
    turns: Any = [*HI, {"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    done = client.messages.create(model=model, max_tokens=4000, messages=turns, tools=TOOLS, thinking=thinking)
    said["done"] = [done.content[-1].text, done.stop_reason]
    said["count"] = client.messages.count_tokens(model=model, messages=HI).input_tokens
    try:
        client.messages.create(model="no-such-model", max_tokens=5, messages=HI)
    except anthropic.APIStatusError as error:
        said["error"] = [type(error).__name__, error.status_code, bool(error.request_id)]
    sys.stdout.write(json.dumps(said))


main(*sys.argv[1:])
