"""The answers of the demo upstream, in OpenAI's shapes. Pure: request body and random source in, bodies out."""

from __future__ import annotations

import base64
import random
import re
import struct
import time
from collections.abc import Iterator
from typing import Any

from providers.demo.behaviour import DemoProvider

DIMENSIONS = 64
OPENINGS = (
    "{name} here.",
    "This is {name}.",
    "Greetings from {name}.",
    "{name} took this one.",
)
REMARKS = (
    "I am a demo upstream: my words are canned, but the HTTP request that reached me was real.",
    "Nothing was computed for this answer, yet it took the same road that a real one takes.",
    "Make me fail, and the next provider of the group will answer instead.",
    "Look up this request's attempts to see how it was routed to me.",
)
EMPTY = "You sent no text, so I have nothing to repeat."


class BadRequest(ValueError):
    """A request that the upstream refuses (400); `param` names the invalid field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def completion(demo: DemoProvider, body: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The answer to a plain `POST /v1/chat/completions`."""
    pieces, finish_reason, usage = _answer(demo, body, rng)
    message = {"role": "assistant", "content": "".join(pieces)}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
    return {**_envelope(body, rng), "object": "chat.completion", "choices": [choice], "usage": usage}


def chunks(demo: DemoProvider, body: dict[str, Any], rng: random.Random) -> Iterator[dict[str, Any]]:
    """The same answer as the events of a stream, with usage at the end only on request."""
    pieces, finish_reason, usage = _answer(demo, body, rng)
    envelope = {**_envelope(body, rng), "object": "chat.completion.chunk"}

    def chunk(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        return {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]}

    yield chunk({"role": "assistant", "content": ""})
    yield from (chunk({"content": piece}) for piece in pieces)
    yield chunk({}, finish_reason)
    options = body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        yield {**envelope, "choices": [], "usage": usage}


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """The answer to `POST /v1/embeddings`: equal texts get equal vectors of length 1."""
    wanted = body.get("input")
    texts = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(texts, list) or not texts:
        raise BadRequest("Give 'input' as a text or a list of texts.", "input")
    as_base64 = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(str(text), as_base64=as_base64)}
        for index, text in enumerate(texts)
    ]
    tokens = sum(_tokens(str(text)) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": body["model"], "data": data, "usage": usage}


def models(demo: DemoProvider) -> dict[str, Any]:
    """The answer to `GET /v1/models`."""
    data = [{"id": m.name, "object": "model", "created": 1_733_443_200, "owned_by": demo.slug} for m in demo.models]
    return {"object": "list", "data": data}


def _answer(demo: DemoProvider, body: dict[str, Any], rng: random.Random) -> tuple[list[str], str, dict[str, int]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise BadRequest("Give 'messages' as a list of {role, content}.", "messages")
    asked = " ".join(_text(messages[-1].get("content")).split())
    repeated = f"You wrote: “{asked if len(asked) <= 160 else asked[:159] + '…'}”." if asked else EMPTY
    opening = rng.choice(OPENINGS).format(name=demo.name)
    pieces = re.findall(r"\s*\S+", f"{opening} {repeated} {rng.choice(REMARKS)}")
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    is_cut = isinstance(limit, int) and 0 < limit < len(pieces)
    pieces = pieces[:limit] if is_cut else pieces
    prompt = sum(4 + _tokens(_text(message.get("content"))) for message in messages)
    usage = {"prompt_tokens": prompt, "completion_tokens": len(pieces), "total_tokens": prompt + len(pieces)}
    return pieces, "length" if is_cut else "stop", usage


def _text(content: object) -> str:
    """The text of a message, whose content is a text or a list of parts."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _tokens(text: str) -> int:
    """About four characters per token, as in English."""
    return max(1, round(len(text) / 4))


def _envelope(body: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    return {"id": f"chatcmpl-demo-{rng.getrandbits(64):016x}", "created": int(time.time()), "model": body["model"]}


def _vector(text: str, *, as_base64: bool) -> list[float] | str:
    rng = random.Random(text)  # noqa: S311  (a made-up vector, not a secret)
    raw = [rng.gauss(0, 1) for _ in range(DIMENSIONS)]
    length = sum(x * x for x in raw) ** 0.5
    vector = [x / length for x in raw]
    return base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *vector)).decode() if as_base64 else vector
