"""What a rehearsed trouble is to the core and to the ledger: the words and classes of real errors, as plain data.

A gateway makes exceptions of what an upstream does and reads them again; a rehearsal knows what happens and needs
none. That both say the same is tested for every kind of fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import to_json

from engine.core.failures import Failure, Kind
from engine.dialects.errors import read_error
from engine.exceptions import STATUS_FOR_CLIENT
from engine.faults.fates import ErrorEvent, Fate, FilteredAnswer, Malformed, Redirected, Refusal, Told
from engine.spec import DeploymentSpec
from engine.upstreams.upstream_failure import (
    NO_CONNECTION,
    STATUS_OF_KIND,
    UNREADABLE,
    class_of,
    standing_for,
    status_and_code,
)

# What a caller is told where no status came.
STATUS_OF_TIMEOUT, STATUS_OF_NO_CONNECTION = 504, 502


@dataclass(frozen=True, slots=True)
class Effect:
    """How one attempt failed.

    `status_code` is the HTTP status that came (None where none did); `status` and `code` are what a caller sees when
    nobody else answers.
    """

    failure: Failure
    error_class: str
    message: str
    status_code: int | None
    status: int
    code: str | None = None


def effect_of(deployment: DeploymentSpec, trouble: Told, *, is_stream: bool = False) -> Effect:
    """The effect of an HTTP error, of a connection that was not made, or of an answer that is none."""
    if isinstance(trouble, Malformed):
        return unreadable(deployment, trouble.words(is_stream=is_stream))
    if isinstance(trouble, Redirected):
        return unreadable(deployment, trouble.words, status=trouble.status)
    if isinstance(trouble, FilteredAnswer):
        return filtered(deployment)
    return refused(trouble) if isinstance(trouble, Refusal) else unreachable(deployment, trouble.message)


def refused(trouble: Refusal) -> Effect:
    """The upstream answered with an HTTP error: read as a real one is."""
    status = trouble.status
    headers = {} if trouble.retry_after_s is None else {"Retry-After": f"{trouble.retry_after_s:.10g}"}
    reading = read_error(status, headers, to_json({"error": {"message": trouble.message}}), now=0.0)
    # The core reads it as the gateway does: what is called a timeout is one.
    standing = standing_for(status)
    error_class = class_of(reading.kind, standing)
    kind = Kind.TIMEOUT if error_class == "Timeout" else reading.kind
    failure = Failure(kind, reading.retry_after_s, str(status))
    told, code = status_and_code(kind, standing)
    return Effect(failure, error_class, trouble.message, status, STATUS_FOR_CLIENT.get(told, told), code)


def unreachable(deployment: DeploymentSpec, why: str) -> Effect:
    """There is no connection, or it broke."""
    failure = Failure(Kind.UNREACHABLE, None, "no connection")
    message = f"{deployment.provider}: {why}"
    return Effect(failure, NO_CONNECTION, message, None, STATUS_OF_NO_CONNECTION)


def unreadable(deployment: DeploymentSpec, why: str, *, status: int | None = None) -> Effect:
    """An answer came that nobody can read; `status` if that is the reason."""
    failure = Failure(Kind.SERVER, None, "unreadable answer" if status is None else str(status))
    return Effect(failure, UNREADABLE, f"{deployment.provider} {why}", status, STATUS_OF_NO_CONNECTION)


def filtered(deployment: DeploymentSpec) -> Effect:
    """The content filter has left nothing of an answer."""
    told, code = status_and_code(Kind.CONTENT_POLICY, 400)
    error_class = class_of(Kind.CONTENT_POLICY, 400)
    failure = Failure(Kind.CONTENT_POLICY, None, "blocked answer")
    return Effect(failure, error_class, f"{deployment.provider} blocked the answer.", None, told, code)


def broken(deployment: DeploymentSpec, fate: Fate) -> Effect:
    """A stream broke after its first content: with an error in it, or without a word."""
    if fate.says is None:
        return unreachable(deployment, "the stream was cut before its end")
    return told_in_stream(fate.says)


def told_in_stream(event: ErrorEvent) -> Effect:
    """An error came inside a stream: read as a real one is."""
    error: dict[str, Any] = {"message": event.message}
    if event.status is not None:
        error["code"] = event.status
    reading = read_error(None, {}, {"error": error}, now=0.0)
    effect = refused(Refusal(reading.status or STATUS_OF_KIND.get(reading.kind, 500), event.message))
    if reading.status is not None:
        return effect
    return replace(effect, failure=replace(effect.failure, word="error"), status_code=None)


def timed_out(deployment: DeploymentSpec, what: str, after_s: float) -> Effect:
    """One of the group's time limits ran out."""
    message = f"{deployment.provider}: {what} after {after_s:g} s."
    return Effect(Failure(Kind.TIMEOUT, None, "timeout"), "Timeout", message, None, STATUS_OF_TIMEOUT)
