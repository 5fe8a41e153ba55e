"""The bytes on the wire of one attempt through LiteLLM, before LiteLLM reads them.

LiteLLM maps statuses and texts to classes of its own, fills in token counts, and turns a broken stream into a normal
end. The transport that all its clients share passes the real answer to the attempt that listens.
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
# Longer than any of the names below, because a name may be split over two pieces.
OVERLAP = 64
# Encodings that zlib detects and unpacks.
ZLIB = frozenset({"gzip", "x-gzip", "deflate"})
ANY_ZLIB = 47
# The variant of "deflate" that some servers send and HTTP clients accept.
RAW_DEFLATE = -zlib.MAX_WBITS
PLAIN = frozenset({"identity", ""})
# Inside the text of an answer the quotes would be escaped.
ENDED_BY_ERROR = re.compile(rb'"finish_reason"\s*:\s*"error"')
COUNTED = re.compile(
    rb'"(?:prompt_tokens|completion_tokens|input_tokens|output_tokens|inputTokens|outputTokens|promptTokenCount'
    rb'|totalTokenCount|prompt_eval_count|eval_count|total_tokens)"\s*:\s*\d'
)


class TooLarge(ValueError):
    """A body that is larger than any answer."""


class UnknownPacking(ValueError):
    """A body in a content encoding that was not requested, and whose size can't be limited."""


@dataclass(slots=True)
class ObservedAnswer:
    """The last answer of an attempt. `status` is None before the first.

    `body` is the beginning of an error answer, else the latest bytes. `is_counted`: the provider counted tokens.
    `is_ended_by_error`: a finish reason was an error. `is_too_large`: the answer, or one line of a stream, unpacks to
    more than `limit_bytes`, and was not read further; an answer in an `unknown_packing` is not read either.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_counted: bool = False
    is_ended_by_error: bool = False
    limit_bytes: int | None = None
    is_stream: bool = False
    is_too_large: bool = False
    unknown_packing: str = ""
    _size: int = 0
    _packing: str = ""
    _unpacker: Any = None

    def begin(self, status: int, headers: httpx.Headers) -> None:
        """An answer begins; it replaces an earlier one of the same attempt."""
        self.status, self.headers, self.body, self._size = status, dict(headers), b"", 0
        self.is_counted = self.is_ended_by_error = self.is_too_large = False
        self._packing = headers.get("content-encoding", "").strip().lower()
        self.unknown_packing = "" if self._packing in ZLIB | PLAIN else self._packing
        self._unpacker = zlib.decompressobj(ANY_ZLIB) if self._packing in ZLIB else None

    def add(self, piece: bytes) -> None:
        """The next bytes of its body; raises TooLarge or UnknownPacking."""
        if self.unknown_packing:
            raise UnknownPacking
        if self._unpacker is not None:
            self._unpack(piece)
        else:
            self._keep(piece)

    def _unpack(self, piece: bytes) -> None:
        try:
            while piece:
                self._keep(self._unpacker.decompress(piece, ERROR_BODY_LIMIT))
                piece = self._unpacker.unconsumed_tail
        except zlib.error:  # it is uncompressed, or was unpacked before
            self._unpacker = zlib.decompressobj(RAW_DEFLATE) if self._is_raw(piece) else None
            self.add(piece)

    def _is_raw(self, piece: bytes) -> bool:
        if self._packing != "deflate" or self._size:
            return False
        try:
            zlib.decompressobj(RAW_DEFLATE).decompress(piece, 1)
        except zlib.error:
            return False
        return True

    def _keep(self, piece: bytes) -> None:
        is_error = self.status is not None and self.status >= 400
        line = piece.rfind(b"\n") if self.is_stream and not is_error else -1
        self._size = len(piece) + (self._size if line < 0 else -line - 1)
        if self.limit_bytes is not None and self._size > self.limit_bytes:
            self.is_too_large = True
            raise TooLarge
        if is_error:
            self.body = (self.body + piece)[:ERROR_BODY_LIMIT]
            return
        new = self.body[-OVERLAP:] + piece
        self.is_counted = self.is_counted or bool(COUNTED.search(new))
        self.is_ended_by_error = self.is_ended_by_error or bool(ENDED_BY_ERROR.search(new))
        self.body = (self.body + piece)[-TAIL_LIMIT:]


_listening: ContextVar[ObservedAnswer | None] = ContextVar("heard", default=None)


def listen(limit_bytes: int | None = None, *, is_stream: bool = False) -> ObservedAnswer:
    """Listens to the answers to the running task's requests from now on, up to `limit_bytes` each (or per line of a
    stream)."""
    heard = ObservedAnswer(limit_bytes=limit_bytes, is_stream=is_stream)
    _listening.set(heard)
    return heard


def ask_for_plain(request: httpx.Request) -> None:
    """Asks for an uncompressed answer, because a compressed one could not be read here."""
    if _listening.get() is not None:
        request.headers["accept-encoding"] = "identity"


def observe(response: httpx.Response) -> None:
    """Passes this answer to the attempt that listens, if any."""
    heard = _listening.get()
    if heard is not None and isinstance(response.stream, httpx.AsyncByteStream):
        heard.begin(response.status_code, response.headers)
        response.stream = _Overheard(response.stream, heard)


class _Overheard(httpx.AsyncByteStream):
    """A body that is passed on unchanged."""

    def __init__(self, stream: httpx.AsyncByteStream, heard: ObservedAnswer) -> None:
        self._stream, self._heard = stream, heard

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._heard.add(piece)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
