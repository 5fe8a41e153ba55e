"""Errors of upstreams -> LiteLLM's exceptions (which the router understands) -> messages for people.

LiteLLM's own mapping decides the class, so that direct connections have the same cooldowns, retries and fallbacks as
those through LiteLLM.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx
import litellm
from litellm.llms.openai.common_utils import OpenAIError
from pydantic_core import to_json

from engine import limits
from engine.core.failures import Kind
from engine.dialects import waits
from engine.dialects.errors import ErrorReading, read_error
from engine.dialects.words import words_of
from engine.outcomes import CLIENT_LEFT
from engine.redaction import redact
from engine.spec import DeploymentSpec, Secret
from engine.upstreams.sentences import of_status, sentence_of

litellm.suppress_debug_info = True
BODY_LIMIT = 4096
# Kinds that the router handles differently, with the status for events without one.
CLASSES = {
    Kind.CONTEXT_LENGTH: litellm.ContextWindowExceededError,
    Kind.CONTENT_POLICY: litellm.ContentPolicyViolationError,
}
STATUS_OF_KIND = {
    Kind.CONTEXT_LENGTH: 400,
    Kind.CONTENT_POLICY: 400,
    Kind.QUOTA: 429,
    Kind.RATE_LIMIT: 429,
}
# How an attempt failed, in a word, where no status came.
WORDS = {
    "Timeout": "timeout",
    "UpstreamConnectionError": "no connection",
    "UnreadableAnswerError": "unreadable answer",
    "ContentPolicyViolationError": "blocked answer",
}


class UpstreamConnectionError(litellm.InternalServerError):
    """No connection, or one that broke. To the router it is a server error, as in LiteLLM."""


class UnreadableAnswerError(litellm.BadGatewayError):
    """An answer that violates the protocol. To the router it is a bad gateway, although there was no 502."""


class QuotaUsedUpError(litellm.RateLimitError):
    """The account has no quota or credit left. To the router it is a rate limit (429)."""


def from_response(deployment: DeploymentSpec, status: int, body: bytes, headers: Mapping[str, str]) -> Exception:
    """The exception for an HTTP error; Retry-After is in its `response`."""
    reading, came, status = read_error(status, headers, body), status, _standing_for(status)
    # The wording of the openai package, in which LiteLLM looks for codes and types.
    text = redact(f"Error code: {status} - {body[:BODY_LIMIT].decode('utf-8', 'replace')}")
    kept = {} if reading.retry_after_s is None else _kept(headers, reading.retry_after_s)
    if (known := CLASSES.get(reading.kind)) is not None:
        mapped: Exception = known(text, deployment.upstream_model, deployment.provider)
    elif reading.kind is Kind.QUOTA and status == 429:
        mapped = QuotaUsedUpError(text, deployment.provider, deployment.upstream_model)
    else:
        mapped = _mapped(deployment, OpenAIError(status_code=status, message=text, headers=httpx.Headers(kept)))
    # Set on every class: LiteLLM loses the headers of some, and the router reads them from `response`.
    request = httpx.Request("POST", "http://upstream.invalid/")
    mapped.response = httpx.Response(status, headers=kept, request=request)  # type: ignore[attr-defined]
    message = reading.message or f"answered {came} without a message."
    if message.startswith("answered "):
        message = f"{deployment.provider} {message}"
    mapped.reading = _hidden(reading)  # type: ignore[attr-defined]
    return _told(mapped, words_of(redact(message)) or of_status(came), came)


def _standing_for(status: int) -> int:
    """The status for the router and for callers: an upstream's 499 would mean that the caller left, and a status that
    is not an HTTP error means nothing to clients."""
    return status if 400 <= status < 600 and status != CLIENT_LEFT else 502


def _kept(headers: Mapping[str, str], wait_s: float) -> dict[str, str]:
    """The Retry-After headers that can be passed on; the one that the router reads has the wait that we accept."""
    by_name = {name.lower(): value for name, value in headers.items()}
    told = {name: value for name, value in by_name.items() if name.startswith("retry-after") and value.isascii()}
    return told | {"retry-after": str(math.ceil(wait_s))}


def from_event(deployment: DeploymentSpec, error: object) -> Exception:
    """The exception for an error object in an event of a stream."""
    fields = error if isinstance(error, dict) else {"message": str(error)}
    reading = read_error(None, {}, {"error": fields})
    status = reading.status or STATUS_OF_KIND.get(reading.kind, 500)
    error_of_status = from_response(deployment, status, to_json({"error": fields}), {})
    error_of_status.came_status = reading.status  # type: ignore[attr-defined]
    return error_of_status


def unreachable(deployment: DeploymentSpec, why: str) -> Exception:
    """The connection failed or broke."""
    return told(UpstreamConnectionError, deployment, f"{deployment.provider}: {redact(why)}")


def invalid(deployment: DeploymentSpec, why: str, *, status: int | None = None) -> Exception:
    """The upstream's answer violates OpenAI's protocol; `status` if that is the problem."""
    return told(UnreadableAnswerError, deployment, f"{deployment.provider} {why}", status)


def too_large(deployment: DeploymentSpec) -> Exception:
    """The unpacked answer is larger than MAX_ANSWER_MB."""
    limit_mb = limits.adopted().answer_mb
    return invalid(deployment, f"answered with more than {limit_mb} MB (setting MAX_ANSWER_MB).")


def blocked(deployment: DeploymentSpec) -> Exception:
    """The upstream's content filter blocked the answer without an error status."""
    return told(litellm.ContentPolicyViolationError, deployment, f"{deployment.provider} blocked the answer.")


def timed_out(deployment: DeploymentSpec, what: str, after_s: float) -> Exception:
    """One of the group's time limits ran out."""
    return told(litellm.Timeout, deployment, f"{deployment.provider}: {what} after {after_s:g} s.")


def unusable(deployment: DeploymentSpec) -> Exception:
    """The deployment has a problem on our side, such as a key that can't be decrypted: no upstream was asked."""
    error = told(litellm.AuthenticationError, deployment, str(deployment.problem))
    error.is_unusable = True  # type: ignore[attr-defined]
    return error


def told(
    kind: Callable[..., Exception], deployment: DeploymentSpec, message: str, status: int | None = None
) -> Exception:
    """An exception of one of LiteLLM's kinds with a message for people; `status` if there was one."""
    return _told(kind(message=message, llm_provider=deployment.provider, model=deployment.name), message, status)


def message_of(error: BaseException) -> str:
    """The message of an error for people: see `sentences`."""
    return sentence_of(error)


def word_of(error: BaseException) -> str:
    """How an attempt failed, in a word: the status that came, or what happened where none came."""
    return str(came_of(error) or WORDS.get(type(error).__name__, "error"))


def hide_secrets(error: BaseException, deployment: DeploymentSpec) -> None:
    """Removes the deployment's own secrets from an error: an upstream may repeat the key that it refuses."""
    for secret in deployment.secrets:
        error.args = tuple(redact(arg, secret=secret) if isinstance(arg, str) else arg for arg in error.args)
        for name in ("message", "upstream_message"):
            if isinstance(text := getattr(error, name, None), str):
                setattr(error, name, redact(text, secret=secret))
        if (reading := reading_of(error)) is not None:
            error.reading = _hidden(reading, secret)  # type: ignore[attr-defined]


def status_of(error: BaseException) -> int | None:
    """The HTTP status of an error for the router and for callers."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def came_of(error: BaseException) -> int | None:
    """The HTTP status that the upstream sent; None without one, even if the error stands for one."""
    if hasattr(error, "came_status"):
        return error.came_status  # type: ignore[no-any-return]
    is_ours = isinstance(error, (litellm.Timeout, litellm.APIConnectionError))
    return None if is_ours else status_of(error)


def retry_after_s(error: BaseException) -> float | None:
    """The seconds of Retry-After, in any spelling; None without it."""
    if (reading := reading_of(error)) is not None:
        return reading.retry_after_s
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    return waits.retry_after_s(headers, now=time.time())


def reading_of(error: BaseException) -> ErrorReading | None:
    """The reading of the upstream's error, if there is one."""
    reading = getattr(error, "reading", None)
    return reading if isinstance(reading, ErrorReading) else None


def _told(error: Exception, message: str, status: int | None = None) -> Exception:
    """Adds to an error the message for people, which LiteLLM leaves unchanged, and the real status."""
    error.upstream_message = message  # type: ignore[attr-defined]
    error.came_status = status  # type: ignore[attr-defined]
    return error


def _mapped(deployment: DeploymentSpec, error: Exception) -> Exception:
    try:
        litellm.exception_type(model=deployment.upstream_model, original_exception=error, custom_llm_provider="openai")
    except Exception as mapped:
        return mapped
    return error


def _hidden(reading: ErrorReading, secret: Secret | None = None) -> ErrorReading:
    """The reading without credentials that the upstream may have repeated."""

    def without(text: str | None) -> str | None:
        return None if text is None else redact(text, secret=secret)

    return replace(
        reading,
        code=without(reading.code),
        type=without(reading.type),
        param=without(reading.param),
        message=without(reading.message),
    )
