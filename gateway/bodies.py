"""Unpacks the body of a request. The limit is for its unpacked size."""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Callable
from typing import Any

from gateway.openai import ApiError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

UNPACKABLE = "gzip, zstd"
# Each member costs a copy of the rest; clients send one.
MOST_MEMBERS = 100


class BodyTooLarge(Exception):
    """The body unpacks to more than the limit."""


async def unpacked(raw: bytes, encoding: str, limit_mb: int) -> bytes:
    """The body of a request with this `Content-Encoding`; raises ApiError 400, 413 or 415."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return raw
    if (unpack := UNPACK.get(name)) is None:
        why = f"The body is packed as '{encoding[:64]}': send it as it is, or as one of {UNPACKABLE}."
        headers = [(b"accept-encoding", UNPACKABLE.encode())]
        raise ApiError(415, why, code="unsupported_content_encoding", headers=headers)
    try:
        return await asyncio.to_thread(unpack, raw, limit_mb * 1024 * 1024)
    except BodyTooLarge:
        raise ApiError(413, f"The body unpacks to more than {limit_mb} MB (setting MAX_REQUEST_MB).") from None
    except (zlib.error, zstd.ZstdError, EOFError):
        raise ApiError(400, f"The body is not valid {name}.") from None


def _gunzip(raw: bytes, limit: int) -> bytes:
    return _members(raw, limit, lambda: zlib.decompressobj(wbits=31))


def _unzstd(raw: bytes, limit: int) -> bytes:
    return _members(raw, limit, zstd.ZstdDecompressor)


def _members(raw: bytes, limit: int, begin: Callable[[], Any]) -> bytes:
    """All members of a packed body, joined."""
    parts: list[bytes] = []
    size = 0
    while raw:
        if len(parts) == MOST_MEMBERS:
            raise EOFError
        member = begin()
        parts.append(member.decompress(raw, limit + 1 - size))
        size += len(parts[-1])
        if size > limit:
            raise BodyTooLarge
        if not member.eof:
            raise EOFError
        raw = member.unused_data
    return b"".join(parts)


UNPACK: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _gunzip, "x-gzip": _gunzip, "zstd": _unzstd}
