"""What an upstream did -> an `UpstreamFailure`, and what is read of any exception of an attempt.

Upstreams raise what is made here and nothing else: `from_response`, `from_event`, `unreachable`, `invalid`, `timed_out`
and so on. Exceptions that nobody foresaw are read by the same functions (`class_of`, `status_of`, `message_of`, …).
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import to_json

from engine import limits
from engine.core.failures import Kind, kind_of_status
from engine.dialects.errors import ErrorReading, read_error
from engine.dialects.words import words_of
from engine.redaction import redact
from engine.spec import DeploymentSpec
from engine.upstreams import upstream_failure
from engine.upstreams.kept import NOT_FOUND
from engine.upstreams.sentences import of_status, sentence_of
from engine.upstreams.upstream_failure import (
    NO_CONNECTION,
    STATUS_OF_KIND,
    UNREADABLE,
    UpstreamFailure,
    standing_for,
)

BODY_LIMIT = 4096
# How an attempt failed, in a word, where no status came.
WORDS = {
    "Timeout": "timeout",
    NO_CONNECTION: "no connection",
    UNREADABLE: "unreadable answer",
    "ContentPolicyViolationError": "blocked answer",
}


def from_response(deployment: DeploymentSpec, status: int, body: bytes, headers: Mapping[str, str]) -> UpstreamFailure:
    """The failure for an HTTP error."""
    reading, standing = read_error(status, headers, body), standing_for(status)
    error_class = upstream_failure.class_of(reading.kind, standing)
    return UpstreamFailure(
        _message(deployment, reading, status),
        kind=Kind.TIMEOUT if error_class == "Timeout" else reading.kind,
        error_class=error_class,
        status=standing,
        came_status=status,
        retry_after_s=reading.retry_after_s,
        code=_hidden(reading.code),
        type=_hidden(reading.type),
        param=_hidden(reading.param),
        text=redact(f"Error code: {standing} - {body[:BODY_LIMIT].decode('utf-8', 'replace')}"),
    )


def from_event(deployment: DeploymentSpec, error: object) -> UpstreamFailure:
    """The failure for an error object in an event of a stream."""
    fields = error if isinstance(error, dict) else {"message": str(error)}
    reading = read_error(None, {}, {"error": fields})
    status = reading.status or STATUS_OF_KIND.get(reading.kind, 500)
    failure = from_response(deployment, status, to_json({"error": fields}), {})
    failure.came_status = reading.status
    return failure


def unreachable(deployment: DeploymentSpec, why: str) -> UpstreamFailure:
    """The connection failed or broke."""
    message = f"{deployment.provider}: {redact(why)}"
    return UpstreamFailure(message, kind=Kind.UNREACHABLE, error_class=NO_CONNECTION, status=502)


def invalid(deployment: DeploymentSpec, why: str, *, status: int | None = None) -> UpstreamFailure:
    """The upstream's answer violates OpenAI's protocol; `status` if that is the problem."""
    message = f"{deployment.provider} {why}"
    return UpstreamFailure(message, kind=Kind.SERVER, error_class=UNREADABLE, status=502, came_status=status)


def too_large(deployment: DeploymentSpec) -> UpstreamFailure:
    """The unpacked answer is larger than MAX_ANSWER_MB."""
    limit_mb = limits.adopted().answer_mb
    return invalid(deployment, f"answered with more than {limit_mb} MB (setting MAX_ANSWER_MB).")


def blocked(deployment: DeploymentSpec) -> UpstreamFailure:
    """The upstream's content filter blocked the answer without an error status."""
    return _of_kind(Kind.CONTENT_POLICY, f"{deployment.provider} blocked the answer.", 400)


def timed_out(deployment: DeploymentSpec, what: str, after_s: float) -> UpstreamFailure:
    """One of the group's time limits ran out."""
    return _of_kind(Kind.TIMEOUT, f"{deployment.provider}: {what} after {after_s:g} s.", 408)


def unusable(deployment: DeploymentSpec) -> UpstreamFailure:
    """The deployment has a problem on our side, such as a key that can't be decrypted: no upstream was asked."""
    failure = _of_kind(Kind.CREDENTIALS, str(deployment.problem), 401)
    failure.is_unusable = True
    return failure


def unsuitable(why: str) -> UpstreamFailure:
    """The deployment can't do what the request asks for, so it was not asked; to LiteLLM's Router it is not there."""
    return _of_kind(Kind.NOT_FOUND, why, 404)


def not_served(deployment: DeploymentSpec, endpoint: str, error: UpstreamFailure) -> UpstreamFailure:
    """A 404 that is about the endpoint and not about the model; `error` is the 404."""
    failure = _of_kind(Kind.NOT_SERVED, f"{deployment.provider} does not serve /v1/{endpoint}.", 400)
    failure.came_status, failure.param, failure.code = error.came_status, "model", "not_served"
    return failure


def not_kept(param: str, error: UpstreamFailure) -> UpstreamFailure:
    """A 404 that is about what a request goes on from: its provider does not keep it any more."""
    failure = _of_kind(Kind.BAD_REQUEST, f"What '{param}' names is not kept any more.", 400)
    failure.came_status, failure.param, failure.code = error.came_status, param, NOT_FOUND
    return failure


def no_credentials(deployment: DeploymentSpec) -> UpstreamFailure:
    """The request could not be signed, so it was not sent."""
    why = f"{deployment.provider} cannot be asked: credentials are missing or unusable."
    return _of_kind(Kind.CREDENTIALS, why, 401)


def untranslatable(deployment: DeploymentSpec, about: str) -> UpstreamFailure:
    """The provider's dialect has no word for what the request asks, so it was not sent."""
    why = f"{deployment.provider} cannot be asked this: its dialect does not support it.{about}"
    return _of_kind(Kind.BAD_REQUEST, why, 400)


def as_failure(error: Exception) -> UpstreamFailure:
    """Any exception of an attempt; one that nobody foresaw is a bad gateway, or what its status says."""
    if isinstance(error, UpstreamFailure):
        return error
    status = status_of(error) or 502
    return UpstreamFailure(
        message_of(error), kind=kind_of_status(status), error_class=type(error).__name__, status=status
    )


def class_of(error: BaseException) -> str:
    """The name of an error in traces and logs."""
    return error.error_class if isinstance(error, UpstreamFailure) else type(error).__name__


def message_of(error: BaseException) -> str:
    """The message of an error for people: see `sentences`."""
    return sentence_of(error)


def word_of(error: BaseException) -> str:
    """How an attempt failed, in a word: the status that came, or what happened where none came."""
    return str(came_of(error) or WORDS.get(class_of(error), "error"))


def hide_secrets(error: BaseException, deployment: DeploymentSpec) -> None:
    """Removes the deployment's own secrets from an error: an upstream may repeat the key that it refuses."""
    for secret in deployment.secrets:
        error.args = tuple(redact(arg, secret=secret) if isinstance(arg, str) else arg for arg in error.args)
        if isinstance(error, UpstreamFailure):
            error.hide(secret)


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error stands for."""
    status = error.status if isinstance(error, UpstreamFailure) else getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def came_of(error: BaseException) -> int | None:
    """The HTTP status that the upstream sent; None without one."""
    return error.came_status if isinstance(error, UpstreamFailure) else None


def retry_after_s(error: BaseException) -> float | None:
    """The seconds of Retry-After, in any spelling; None without it."""
    return error.retry_after_s if isinstance(error, UpstreamFailure) else None


def _of_kind(kind: Kind, message: str, status: int) -> UpstreamFailure:
    return UpstreamFailure(message, kind=kind, error_class=upstream_failure.class_of(kind, status), status=status)


def _message(deployment: DeploymentSpec, reading: ErrorReading, came: int) -> str:
    message = reading.message or f"answered {came} without a message."
    if message.startswith("answered "):
        message = f"{deployment.provider} {message}"
    return words_of(redact(message)) or of_status(came)


def _hidden(text: str | None) -> str | None:
    """Without credentials that the upstream may have repeated."""
    return None if text is None else redact(text)
