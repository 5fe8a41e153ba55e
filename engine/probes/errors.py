"""Errors and unexpected answers -> a diagnosis in words for people, without secrets."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
from pydantic_core import from_json

from engine.addresses import ForbiddenAddress
from engine.probes.findings import Target, Trouble
from engine.redaction import redact
from engine.upstreams.reasons import reason_of

E = TypeVar("E", bound=BaseException)
MESSAGE_LIMIT = 300
NO_CREDIT_WORDS = ("insufficient_quota", "quota", "credit", "billing", "balance", "payment")
WRONG_KEY_WORDS = ("api_key_invalid", "api key not valid", "invalid api key", "incorrect api key")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis, for programs and for people."""

    trouble: Trouble
    error: str


def of_status(target: Target, status: int, body: bytes) -> Diagnosis:
    """The diagnosis of an HTTP answer with an error status (300 or more)."""
    said = _message_in(body)
    lowered, detail = body[:4096].decode("utf-8", "replace").lower(), _detail(target, said)
    if status < 400:
        return Diagnosis(Trouble.REDIRECT, f"Answered {status}, a redirect, which is not followed. Check the base URL.")
    if status == 401 or (status == 400 and any(word in lowered for word in WRONG_KEY_WORDS)):
        return Diagnosis(Trouble.WRONG_KEY, "Invalid API key")
    if status == 402 or (status in (403, 429) and any(word in lowered for word in NO_CREDIT_WORDS)):
        return Diagnosis(Trouble.NO_CREDIT, f"The key is good, but there is no credit or quota left{detail}")
    if status == 403:
        return Diagnosis(Trouble.FORBIDDEN, f"The API key may not be used for this (403){detail}")
    if status == 429:
        return Diagnosis(Trouble.RATE_LIMITED, f"Too many requests for this key just now (429){detail}")
    if status in (404, 405):
        return Diagnosis(Trouble.NO_LIST, f"There is no list of models at this address ({status}). Check the base URL.")
    return Diagnosis(Trouble.SERVER_ERROR, f"Answered {status}{detail}")


def of_body(content_type: str) -> Diagnosis:
    """The diagnosis of an answer that is not a list of models."""
    page = "a web page" if "html" in content_type else "something else"
    hint = "Check the base URL, which often ends in /v1."
    return Diagnosis(Trouble.NOT_COMPATIBLE, f"Not an OpenAI-compatible server: it answered with {page}. {hint}")


def of_exception(target: Target, error: BaseException, *, url: str, limit_s: float) -> Diagnosis:
    """The diagnosis of a connection error."""
    where = _host(url)
    causes = _chain(error)
    if forbidden := _first(causes, ForbiddenAddress):
        return Diagnosis(Trouble.FORBIDDEN_ADDRESS, forbidden.strerror or str(forbidden))
    if _first(causes, socket.gaierror) or isinstance(error, aiohttp.ClientConnectorDNSError):
        return Diagnosis(Trouble.DNS, f"The host name {where} is not known (DNS). Check the base URL.")
    if said := next((said for cause in causes if (said := getattr(cause, "verify_message", ""))), ""):
        return Diagnosis(Trouble.TLS, f"The TLS certificate of {where} is not trusted: {said}.")
    if _first(causes, ssl.SSLError):
        return Diagnosis(Trouble.TLS, f"No TLS at {where}. Is it http:// rather than https://?")
    if _first(causes, ConnectionRefusedError):
        return Diagnosis(Trouble.REFUSED, f"Nothing answers at {where}: connection refused.")
    if _first(causes, TimeoutError):
        return Diagnosis(Trouble.TIMEOUT, f"No answer from {where} within {limit_s:g} s.")
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return Diagnosis(Trouble.UNUSABLE, "This base URL is not a URL.")
    return Diagnosis(Trouble.UNREACHABLE, f"The connection to {where} broke: {reason_of(error)}.")


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "this address"
    except ValueError:
        return "this address"


def _chain(error: BaseException) -> list[BaseException]:
    """An error and its causes; aiohttp keeps the network's own error in attributes."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in found:
            found.append(one)
            inner = (getattr(one, "os_error", None), getattr(one, "certificate_error", None))
            waiting += [i for i in inner if isinstance(i, BaseException)] + [one.__cause__, one.__context__]
    return found


def _first(causes: list[BaseException], kind: type[E]) -> E | None:
    return next((cause for cause in causes if isinstance(cause, kind)), None)


def _message_in(body: bytes) -> str:
    """The message of an error answer, in the usual shapes; empty for a web page."""
    try:
        content = from_json(body)
    except ValueError:
        return ""
    content = content[0] if isinstance(content, list) and content else content
    if not isinstance(content, dict):
        return ""
    error = content.get("error", content.get("detail", content.get("message")))
    text = error.get("message") if isinstance(error, dict) else error
    return text if isinstance(text, str) else ""


def _detail(target: Target, said: str) -> str:
    """`: MESSAGE`, or a full stop."""
    text = " ".join(redact(said, secret=target.api_key).split())[:MESSAGE_LIMIT]
    return f": {text}" if text else "."
