"""Why a connection failed, in the network's words: without addresses, paths or Python objects."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import aiohttp

from engine.addresses import ForbiddenAddress

# Attributes in which libraries keep the network's own error.
INNER = ("os_error", "certificate_error", "__cause__", "__context__", "original_exception")
BROKEN, CLOSED, NO_URL = "the connection broke", "the server closed the connection", "the address is not a URL"
OF_HTTPX = {
    "httpx.RemoteProtocolError": CLOSED,
    "httpx.InvalidURL": NO_URL,
    "httpx.UnsupportedProtocol": NO_URL,
}


def reason_of(error: BaseException) -> str:
    """The most specific reason in an error and its causes, such as `Connection refused`."""
    return next((said for cause in causes_of(error) if (said := _said_by(cause))), BROKEN)


def is_of_network(error: BaseException) -> bool:
    """Whether an error is about the connection, not about its data."""
    return any(_is_of_network(cause) and not isinstance(cause, TimeoutError) for cause in causes_of(error))


def names_of(error: BaseException) -> frozenset[str]:
    """The class of an exception and its bases, as `package.Name`: known without importing their packages."""
    kind: Any = type(error)
    return _names(kind)


@lru_cache(maxsize=1024)
def _names(kind: type) -> frozenset[str]:
    return frozenset(f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in kind.__mro__)


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, each once, the error itself first."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [inner for name in INNER if isinstance(inner := getattr(one, name, None), BaseException)]


def _is_of_network(error: BaseException) -> bool:
    return isinstance(error, OSError | aiohttp.ClientError) or "httpx.TransportError" in names_of(error)


def _said_by(error: BaseException) -> str:
    if said := next((said for name, said in OF_HTTPX.items() if name in names_of(error)), ""):
        return said
    match error:
        case ForbiddenAddress():
            return error.strerror or ""
        case socket.gaierror() | aiohttp.ClientConnectorDNSError():
            return "the host name is not known"
        case aiohttp.ClientConnectorError():
            return ""  # its number is that of the inner error, which says more
        case ssl.SSLCertVerificationError():
            return f"TLS: {getattr(error, 'verify_message', '') or 'the certificate is not trusted'}"
        case ssl.SSLError():
            return f"TLS: {(getattr(error, 'reason', '') or 'no agreement').lower().replace('_', ' ')}"
        case aiohttp.ServerDisconnectedError():
            return CLOSED
        case aiohttp.ClientPayloadError():
            return "the answer broke off"
        case aiohttp.InvalidURL():
            return NO_URL
        case OSError() if error.errno and not isinstance(error, TimeoutError):
            return os.strerror(error.errno)
    return ""
