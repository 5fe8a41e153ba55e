"""A stored response that its provider streams once more: its bytes, and an end of its own kind if it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import aiohttp

from engine.dialects.responses.upstream.ending import Ending
from engine.dialects.responses.upstream.reading import is_done_mark, read_event
from engine.spec import DeploymentSpec
from engine.upstreams.sse import Events, TooLarge
from gateway.openai import ApiError

SILENCE_S = 60.0
BROKEN = "The stream of the stored response broke: retrieve it without 'stream', or stream it again."


def streamed(deployment: DeploymentSpec, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """The events; raises ApiError where the provider answers without a stream."""
    if "event-stream" not in response.headers.get("Content-Type", ""):
        response.close()
        why = f"{deployment.provider} does not stream a stored response again: retrieve it without 'stream'."
        raise ApiError(400, why, param="stream", code="unsupported_parameter")
    return _until_the_end(response)


async def _until_the_end(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    end = Ending()
    try:
        async for event in _events(response):
            said = read_event(event)
            end.note(said.fields)
            if not is_done_mark(event):
                yield event + b"\n\n"
            if said.is_done or said.error:
                return
        yield end.fail(BROKEN, "api_error", "stream_broken")
    except (TimeoutError, TooLarge, aiohttp.ClientError):
        yield end.fail(BROKEN, "api_error", "stream_broken")
    finally:
        response.close()


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    events = Events()
    while data := await asyncio.wait_for(response.content.readany(), SILENCE_S):
        for event in events.feed(data):
            yield event
    for event in events.end():
        yield event
