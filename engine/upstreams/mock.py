"""An upstream that answers by itself, at once: for mock tests of a group."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from pydantic_core import to_json

from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams.call import Answer, Call, Stream, Usage

TEXT = "Mock test response"
USAGE = Usage(input_tokens=8, output_tokens=3, total_tokens=11)


class MockUpstream:
    """The same text from every deployment."""

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        if call.is_stream:
            stream = Stream(deployment, USAGE)
            stream.events = _events(call, deployment)
            return stream
        return Answer(_completion(call, deployment, "message"), deployment, USAGE)


async def _events(call: Call, deployment: DeploymentSpec) -> AsyncGenerator[bytes]:
    yield b"data: " + _completion(call, deployment, "delta") + b"\n\n"
    yield b"data: [DONE]\n\n"


def _completion(call: Call, deployment: DeploymentSpec, part: str) -> bytes:
    choice = {"index": 0, "finish_reason": "stop", part: {"role": "assistant", "content": TEXT}}
    content = {
        "id": f"mock-{call.trace.call_id}",
        "object": "chat.completion" if part == "message" else "chat.completion.chunk",
        "created": int(time.time()),
        "model": deployment.upstream_model,
        "choices": [choice],
        "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11},
    }
    return to_json(content)
