"""Why a connection failed, in the network's words: without addresses, paths or Python objects."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

import aiohttp
import httpx

from engine.addresses import ForbiddenAddress

# Attributes in which libraries keep the network's own error.
INNER = ("os_error", "certificate_error", "__cause__", "__context__", "original_exception")
BROKEN = "the connection broke"


def reason_of(error: BaseException) -> str:
    """The most specific reason in an error and its causes, such as `Connection refused`."""
    return next((said for cause in causes_of(error) if (said := _said_by(cause))), BROKEN)


def is_of_network(error: BaseException) -> bool:
    """Whether an error is about the connection, not about its data."""
    kinds = (OSError, aiohttp.ClientError, httpx.TransportError)
    return any(isinstance(cause, kinds) and not isinstance(cause, TimeoutError) for cause in causes_of(error))


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


def _said_by(error: BaseException) -> str:
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
        case aiohttp.ServerDisconnectedError() | httpx.RemoteProtocolError():
            return "the server closed the connection"
        case aiohttp.ClientPayloadError():
            return "the answer broke off"
        case aiohttp.InvalidURL() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "the address is not a URL"
        case OSError() if error.errno and not isinstance(error, TimeoutError):
            return os.strerror(error.errno)
    return ""
