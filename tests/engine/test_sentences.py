"""No text of a library reaches callers, attempts or logs, for any exception."""

import asyncio
import inspect
import re
import socket
import ssl

import aiohttp
import httpx
import litellm
import litellm.exceptions
import openai
import pytest
from pydantic_core import to_json

from engine import exceptions
from engine.addresses import ForbiddenAddress
from engine.upstreams import failures, own_keys
from engine.upstreams.reasons import reason_of
from engine.upstreams.sentences import UNEXPECTED, sentence_of
from tests.engine.scripted import deployment

NASTY = (
    "litellm.InternalServerError: LiteLLM: model group 'group' failed: AnthropicException - Cannot connect to host "
    'x:443 ssl:<ssl.SSLContext object at 0x7f0a> {"error": {"message": "{\\"error\\": {\\"message\\": \\"slow\\"}}"}} '
    "deployment 0b1c.r3.9f8e See https://docs.litellm.ai/docs/routing. "
    'Traceback (most recent call last):\n  File "/usr/lib/python3/site-packages/litellm/main.py", line 12, in call\n'
    "    raise ModuleNotFoundError(\"No module named 'mcp'\")\n"
)
FORBIDDEN = re.compile(
    r"Traceback|/usr/|/home/|\.py\b|litellm|https?://|SSLContext|0x[0-9a-f]|\.r\d+\.|\{|\\|\w(Error|Exception)\b|\n",
    re.IGNORECASE,
)


def classes_of(*modules):
    return [
        pytest.param(found, id=f"{module.__name__}.{name}")
        for module in modules
        for name, found in list(vars(module).items())
        if inspect.isclass(found) and issubclass(found, BaseException)
    ]


def made(kind: type[BaseException]) -> BaseException:
    """One of its kind that says everything wrong, however it is made."""
    error = kind.__new__(kind)
    error.args = (NASTY,)
    for name, value in (("message", NASTY), ("status_code", getattr(error, "status_code", 500))):
        try:
            setattr(error, name, value)
        except AttributeError:
            continue
    return error


@pytest.mark.parametrize("kind", classes_of(litellm.exceptions, openai, httpx, asyncio, ssl, aiohttp, exceptions))
def test_no_exceptions_own_text_is_told(kind):
    said = sentence_of(made(kind))
    assert said
    assert not FORBIDDEN.search(said)


LIBRARY_ERRORS = {
    "an unknown one": (RuntimeError(NASTY), UNEXPECTED),
    "a missing module": (ModuleNotFoundError("No module named 'mcp'"), UNEXPECTED),
    "a time limit": (TimeoutError(), "The provider did not answer in time."),
    "httpx's time limit": (httpx.ReadTimeout(NASTY), "The provider did not answer in time."),
    "a rate limit": (
        litellm.RateLimitError(NASTY.partition("{")[0], "p", "m"),
        "The provider has had too many requests.",
    ),
    "what the provider said inside": (
        litellm.BadRequestError('litellm.BadRequestError: MistralException - {"message": "bad temperature"}', "m", "p"),
        "bad temperature",
    ),
    "an unsupported parameter": (
        litellm.UnsupportedParamsError("litellm drops x", "p", "m"),
        "The provider does not support a parameter of the request.",
    ),
}


@pytest.mark.parametrize(("error", "expected"), LIBRARY_ERRORS.values(), ids=LIBRARY_ERRORS)
def test_a_librarys_error_is_told_by_its_kind(error, expected):
    assert sentence_of(error) == expected


def caused(error: Exception, by: BaseException) -> Exception:
    error.__cause__ = by
    return error


KEY = aiohttp.client_reqrep.ConnectionKey("x", 443, True, True, None, None, None)
UNTRUSTED = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] failed (_ssl.c:1016)")
UNTRUSTED.verify_message = "self-signed certificate"
NETWORK = {
    "refused": (
        aiohttp.ClientConnectorError(KEY, OSError(111, "Connect call failed ('127.0.0.1', 9)")),
        "Connection refused",
    ),
    "refused, by httpx": (caused(httpx.ConnectError(NASTY), ConnectionRefusedError(111, NASTY)), "Connection refused"),
    "reset": (aiohttp.ClientOSError(104, NASTY), "Connection reset by peer"),
    "unknown name": (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, NASTY)), "the host name is not known"),
    "no TLS": (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, NASTY)), "TLS: no agreement"),
    "untrusted": (
        aiohttp.ClientConnectorCertificateError(KEY, UNTRUSTED),
        "TLS: self-signed certificate",
    ),
    "forbidden": (aiohttp.ClientConnectorError(KEY, ForbiddenAddress("Not allowed.")), "Not allowed."),
    "closed": (aiohttp.ServerDisconnectedError(NASTY), "the server closed the connection"),
    "broken off": (aiohttp.ClientPayloadError(NASTY), "the answer broke off"),
    "anything else": (aiohttp.ClientError(NASTY), "the connection broke"),
}


@pytest.mark.parametrize(("error", "expected"), NETWORK.values(), ids=NETWORK)
def test_the_networks_reason_is_told_in_its_own_words(error, expected):
    assert reason_of(error) == expected


OURS = {
    "unreachable": (failures.unreachable(deployment("a"), "connection failed"), "P: connection failed"),
    "invalid": (failures.invalid(deployment("a"), "answered nothing."), "P answered nothing."),
    "timed out": (failures.timed_out(deployment("a"), "no answer", 2.5), "P: no answer after 2.5 s."),
    "blocked": (failures.blocked(deployment("a")), "P blocked the answer."),
    "unusable": (failures.unusable(deployment("a", problem="No key.")), "No key."),
    "refused": (exceptions.GroupUnavailable("No usable deployment."), "No usable deployment."),
}


@pytest.mark.parametrize(("error", "expected"), OURS.values(), ids=OURS)
def test_our_own_errors_say_what_we_wrote(error, expected):
    assert sentence_of(error) == expected


def test_a_refused_own_key_says_why_in_the_providers_words():
    refusal = failures.from_response(deployment("a"), 401, b'{"error": {"message": "No such key."}}', {})
    assert "was refused: No such key. Store" in sentence_of(own_keys.OwnKeyRefused(deployment("a"), refusal))


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
@pytest.mark.parametrize("body", [NASTY.encode(), to_json({"error": {"message": NASTY}}), to_json({"detail": NASTY})])
def test_an_upstream_that_is_such_a_gateway_itself_is_cleaned(status, body):
    said = sentence_of(failures.from_response(deployment("a"), status, body, {}))
    assert said == "slow"


UPSTREAM_WORDS = {
    "Invalid URL (POST /v1/chat/completion)": "Invalid URL (POST /v1/chat/completion)",
    "Use 'tools' {like: this}.": "Use 'tools' {like: this}.",
    "See https://platform.openai.com/account/api-keys.": "See https://platform.openai.com/account/api-keys.",
    "litellm.RateLimitError: RateLimitError: OpenAIException - Slow down.": "Slow down.",
    "litellm.Timeout: Too slow. Received Model Group=g\nAvailable Model Group Fallbacks=None": "Too slow.",
    "Error code: 400 - {'error': {'message': 'no room', 'code': 400}}": "no room",
    'ValueError: File "/srv/app/x.py", line 3, in run': "P failed.",
    "Field required. For more, visit https://errors.pydantic.dev/2.1/v/missing": "Field required.",
    "cannot open /opt/models/secret.bin": "cannot open",
}


@pytest.mark.parametrize("text", UPSTREAM_WORDS)
def test_an_upstreams_words_lose_only_what_is_not_for_people(text):
    said = sentence_of(failures.from_response(deployment("a"), 400, to_json({"error": {"message": text}}), {}))
    expected = UPSTREAM_WORDS[text]
    assert said == (expected if expected != "P failed." else "The provider refused the request as invalid.")


def test_a_long_message_ends_where_it_was_cut():
    said = sentence_of(failures.from_response(deployment("a"), 400, to_json({"error": {"message": "a " * 900}}), {}))
    assert (len(said), said[-1]) == (500, "…")
