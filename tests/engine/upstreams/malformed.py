"""Answers that are no sound HTTP, each with what a caller is to learn of it."""

from __future__ import annotations

import gzip
import zlib

from tests.engine.upstreams.bytes_server import OK, Answer

WHOLE = b'{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(WHOLE, mtime=0)


def _with(headers: bytes, body: bytes = b"{}") -> bytes:
    return HEAD + headers + b"\r\n\r\n" + body


def _sized(headers: bytes, body: bytes) -> bytes:
    return _with(headers + b"\r\nContent-Length: %d" % len(body), body)


# Never an answer: an error, and the connection is not used again.
REFUSED: dict[str, bytes] = {
    # The first line
    "nothing at all": b"",
    "a blank line and the end": b"\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "the beginning of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a page without a head": b"<!doctype html><title>Hello</title>",
    "HTTP 0.9": b"{}",
    "a status that is no number": b"HTTP/1.1 two OK\r\nContent-Length: 2\r\n\r\n{}",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}",
    "a status below 100": b"HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\n{}",
    "a huge status": b"HTTP/1.1 99999999999999999999 OK\r\nContent-Length: 2\r\n\r\n{}",
    "a negative status": b"HTTP/1.1 -200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "no status": b"HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "a version that is none": b"HTTP/x.y 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "frames of HTTP 2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
    "a request instead": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "a first line without end": b"HTTP/1.1 200 " + b"O" * 100_000,
    # Headers
    "half of the head": b"HTTP/1.1 200 OK\r\nContent-Type: appl",
    "a header without a colon": _with(b"Content-Length 2"),
    "a header without a name": _with(b": 2\r\nContent-Length: 2"),
    "a blank in a header's name": _with(b"X Y: 1\r\nContent-Length: 2"),
    "a NUL in a header": _with(b"X: a\0b\r\nContent-Length: 2"),
    "a lone CR in a header": _with(b"X: a\rInjected: b\r\nContent-Length: 2"),
    "a header that is too long": _with(b"X: " + b"y" * 100_000 + b"\r\nContent-Length: 2"),
    "a name that is too long": _with(b"X" * 100_000 + b": y\r\nContent-Length: 2"),
    "too many headers": _with(b"\r\n".join(b"X-%d: y" % n for n in range(5000)) + b"\r\nContent-Length: 2"),
    # How long it is
    "two lengths": _with(b"Content-Length: 2\r\nContent-Length: 3"),
    "the same length twice": _with(b"Content-Length: 2\r\nContent-Length: 2"),
    "two lengths in one header": _with(b"Content-Length: 2, 3"),
    "a negative length": _with(b"Content-Length: -2"),
    "a length with a sign": _with(b"Content-Length: +2"),
    "a hexadecimal length": _with(b"Content-Length: 0x2"),
    "a length that is no number": _with(b"Content-Length: two"),
    "a length beyond all numbers": _with(b"Content-Length: " + b"9" * 40),
    "a length and chunks": _with(b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n"),
    "chunks and a length": _with(b"Transfer-Encoding: chunked\r\nContent-Length: 7", b"2\r\n{}\r\n0\r\n\r\n"),
    "less than its length": _with(b"Content-Length: 20"),
    # Chunks
    "a size that is no number": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "a negative size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a size with 0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a size beyond all numbers": CHUNKED + b"F" * 40 + b"\r\n{}\r\n0\r\n\r\n",
    "an empty size": CHUNKED + b"\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer than its size": CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n",
    "a chunk that is cut": CHUNKED + b"20\r\n{}",
    "no last chunk": CHUNKED + b"2\r\n{}\r\n",
    "half of the last chunk": CHUNKED + b"2\r\n{}\r\n0\r\n",
    "a size without end": CHUNKED + b"2;" + b"x" * 100_000,
    # What it is packed in
    "gzip that is none": _sized(b"Content-Encoding: gzip", b"not gzip"),
    "gzip that is cut": _sized(b"Content-Encoding: gzip", PACKED[: len(PACKED) // 2]),
    "gzip with a broken middle": _sized(b"Content-Encoding: gzip", PACKED[:10] + b"\xff\xff\xff" + PACKED[13:]),
    "deflate that is none": _sized(b"Content-Encoding: deflate", b"\xff\xff\xff\xff"),
    "deflate that is cut": _sized(b"Content-Encoding: deflate", zlib.compress(b"{}" * 500)[:-6]),
    # Other statuses
    "only an announcement": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "no content with a body": b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
}

# Sound HTTP around no answer: its connection may be used again.
SOUND = frozenset({"no content", "not modified", "gzip that is cut"})
BOMB = _sized(b"Content-Encoding: gzip", gzip.compress(b" " * (40 * 1024 * 1024)))

# Unusual, or a slip of the server that can't be taken for something else: the body arrives.
ACCEPTED: dict[str, bytes] = {
    "a blank before the colon": _with(b"Content-Length : 2"),
    "a NUL in the first line": b"HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP 2 in plain words": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP 1.0 until the end": b"HTTP/1.0 200 OK\r\n\r\n{}",
    "a body until the end": HEAD + b"\r\n{}",
    "announcements before it": b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK,
    "chunks with extensions": CHUNKED + b"2;a=b\r\n{}\r\n0\r\n\r\n",
    "chunks with a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n\r\n",
    "a name in capitals": _with(b"CONTENT-LENGTH: 2"),
    "gzip that nobody asked for": _sized(b"Content-Encoding: gzip", gzip.compress(b"{}")),
}

ENDLESS: dict[str, Answer] = {
    "headers": Answer(HEAD, again=b"X: y\r\n" * 500),
    "one header": Answer(HEAD + b"X: ", again=b"y" * 4000),
    "announcements": Answer(b"", again=b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
    "chunks": Answer(CHUNKED, again=b"400\r\n" + b" " * 1024 + b"\r\n"),
    "a body": Answer(HEAD + b"\r\n", again=b" " * 4096),
    "a trailer": Answer(CHUNKED + b"2\r\n{}\r\n0\r\n", again=b"X: y\r\n" * 500),
}
