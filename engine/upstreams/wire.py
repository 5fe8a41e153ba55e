"""What came over the wire in one attempt through LiteLLM, before LiteLLM read it.

LiteLLM maps statuses and wording to classes of its own, fills in tokens that nobody counted, and turns a cut into an
end. The transport that all its clients share tells what really came to the attempt that listens.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpx

ERROR_BODY_LIMIT = 64 * 1024
TAIL_LIMIT = 16 * 1024
# Longer than any of the names below: one of them may lie across two pieces.
OVERLAP = 64
# What zlib unpacks, finding out by itself which of them it is.
ZLIB = frozenset({"gzip", "x-gzip", "deflate"})
ANY_ZLIB = 47
COUNTED = re.compile(
    rb'"(?:prompt_tokens|completion_tokens|input_tokens|output_tokens|inputTokens|outputTokens|promptTokenCount'
    rb'|totalTokenCount|prompt_eval_count|eval_count|total_tokens)"\s*:\s*\d'
)


class TooLarge(ValueError):
    """A body that is larger than any answer."""


@dataclass(slots=True)
class Heard:
    """The last answer of an attempt. `status` is None until one has come.

    `body` is the beginning of an error answer, else the end of what has come so far. `is_counted`: the provider itself
    spoke of tokens; unknown, and taken for true, where the body came packed in a way that is not read here.
    `is_too_large`: it, or one line of a stream, unpacks to more than `limit_bytes`, and was not read further.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_counted: bool = False
    limit_bytes: int | None = None
    is_stream: bool = False
    is_too_large: bool = False
    _size: int = 0
    _packing: str = ""
    _unpacker: Any = None

    def begin(self, status: int, headers: httpx.Headers) -> None:
        """An answer begins; a later one of the same attempt takes its place."""
        self.status, self.headers, self.body, self._size = status, dict(headers), b"", 0
        self._packing = headers.get("content-encoding", "identity").strip().lower()
        self._unpacker = zlib.decompressobj(ANY_ZLIB) if self._packing in ZLIB else None
        self.is_counted = self._packing not in (*ZLIB, "identity", "")

    def add(self, piece: bytes) -> None:
        """The next bytes of its body; raises TooLarge."""
        if self._unpacker is not None:
            self._unpack(piece)
        elif self._packing in (*ZLIB, "identity", ""):
            self._keep(piece)

    def _unpack(self, piece: bytes) -> None:
        try:
            while piece:
                self._keep(self._unpacker.decompress(piece, ERROR_BODY_LIMIT))
                piece = self._unpacker.unconsumed_tail
        except zlib.error:  # it was unpacked before it came here
            self._unpacker = None
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        line = piece.rfind(b"\n") if self.is_stream else -1
        self._size = len(piece) + (self._size if line < 0 else -line - 1)
        if self.limit_bytes is not None and self._size > self.limit_bytes:
            self.is_too_large = True
            raise TooLarge
        if self.status is not None and self.status >= 400:
            self.body = (self.body + piece)[:ERROR_BODY_LIMIT]
            return
        self.is_counted = self.is_counted or bool(COUNTED.search(self.body[-OVERLAP:] + piece))
        self.body = (self.body + piece)[-TAIL_LIMIT:]


_listening: ContextVar[Heard | None] = ContextVar("heard", default=None)


def listen(limit_bytes: int | None = None, *, is_stream: bool = False) -> Heard:
    """Hears the answers to the requests that the running task makes from now on, of at most so many bytes each (or in
    each line of a stream)."""
    heard = Heard(limit_bytes=limit_bytes, is_stream=is_stream)
    _listening.set(heard)
    return heard


def ask_for_plain(request: httpx.Request) -> None:
    """A compressed answer could not be listened to."""
    if _listening.get() is not None:
        request.headers["accept-encoding"] = "identity"


def overhear(response: httpx.Response) -> None:
    """Lets the attempt that listens, if any, hear this answer."""
    heard = _listening.get()
    if heard is not None and isinstance(response.stream, httpx.AsyncByteStream):
        heard.begin(response.status_code, response.headers)
        response.stream = _Overheard(response.stream, heard)


class _Overheard(httpx.AsyncByteStream):
    """A body, passed on as it is."""

    def __init__(self, stream: httpx.AsyncByteStream, heard: Heard) -> None:
        self._stream, self._heard = stream, heard

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._heard.add(piece)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
