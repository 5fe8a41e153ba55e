"""What went wrong in an attempt through LiteLLM, told from what came over the wire and never in LiteLLM's words.

Its messages carry tracebacks, paths, links to its manual and JSON in JSON; its classes guess. Nothing of them is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import httpx
import litellm

from engine.dialects.told import told_error
from engine.spec import DeploymentSpec
from engine.upstreams import failures
from engine.upstreams.call import Call
from engine.upstreams.connections import words_of
from engine.upstreams.wire import Heard


def failure(call: Call, deployment: DeploymentSpec, error: BaseException, heard: Heard) -> Exception:
    """The exception for an error that LiteLLM raised: the provider's answer, its connection, or our own request."""
    status = heard.status
    if status is not None and status >= 400:
        return failures.from_response(deployment, status, heard.body, heard.headers)
    if status is not None and status >= 300:
        return failures.invalid(deployment, f"answered {status}, a redirect, which is not followed.")
    if status is None and (reason := _connection_trouble(error)):
        return failures.unreachable(deployment, f"connection failed ({reason})")
    if status is None:
        return _unsent(call, deployment, error)
    if told := told_error(heard.body):
        return failures.from_event(deployment, told)
    if reason := _connection_trouble(error):
        return failures.unreachable(deployment, f"the answer was cut ({reason})")
    if isinstance(error, litellm.ContentPolicyViolationError):
        return _raised(litellm.ContentPolicyViolationError, deployment, "blocked the answer.")
    return failures.invalid(deployment, "gave an answer that cannot be read.")


def broken(deployment: DeploymentSpec, heard: Heard) -> Exception:
    """The exception for a stream that ended before its answers did: the error that it told, or the cut."""
    if told := told_error(heard.body):
        return failures.from_event(deployment, told)
    return failures.unreachable(deployment, "the stream was cut before its end")


def _unsent(call: Call, deployment: DeploymentSpec, error: BaseException) -> Exception:
    """Nothing was sent: LiteLLM could not put the request into the provider's dialect, or has no credentials."""
    status = failures.status_of(error)
    if status in (401, 403) or "redentials" in type(error).__name__:
        return _raised(litellm.AuthenticationError, deployment, "cannot be asked: credentials are missing or unusable.")
    named = [f"'{name}'" for name in call.body if name not in ("model", "stream") and name in str(error)]
    if not named and status not in (400, 422):
        return failures.unreachable(deployment, "the request could not be sent")
    about = f" See {', '.join(named)}." if named else ""
    return _raised(
        litellm.BadRequestError, deployment, f"cannot be asked this: its dialect has no words for it.{about}"
    )


def _raised(kind: type[Exception], deployment: DeploymentSpec, why: str) -> Exception:
    # LiteLLM's classes take more than an exception's arguments.
    of: Any = kind
    error: Exception = of(
        message=f"{deployment.provider} {why}", llm_provider=deployment.provider, model=deployment.name
    )
    return error


def _connection_trouble(error: BaseException) -> str:
    """Why the network failed, in its own words; '' when it did not."""
    for cause in _causes(error):
        origin = getattr(cause, "os_error", None) or cause
        if isinstance(origin, OSError) and not isinstance(origin, TimeoutError):
            return words_of(origin)
        if isinstance(origin, aiohttp.ClientError):
            return "the connection broke"
    last = [cause for cause in _causes(error) if isinstance(cause, httpx.TransportError)]
    return "no answer from the network" if last else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from, the origin first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__ or getattr(error, "original_exception", None)
    return reversed(chain)
