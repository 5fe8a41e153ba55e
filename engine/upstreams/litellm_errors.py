"""Errors of attempts through LiteLLM, read from the bytes on the wire and never from LiteLLM's texts.

Its messages carry tracebacks, paths, links to its documentation and JSON in JSON; its classes are guesses. None of that
is passed on.
"""

from __future__ import annotations

import litellm

from engine.dialects.answers import AnswerReading
from engine.dialects.trailing_error import trailing_error
from engine.spec import DeploymentSpec
from engine.upstreams import failures
from engine.upstreams.call import Call
from engine.upstreams.litellm_wire import ObservedAnswer
from engine.upstreams.reasons import is_of_network, reason_of
from engine.upstreams.sse import TooLarge
from engine.upstreams.upstream_failure import UpstreamFailure


def failure(call: Call, deployment: DeploymentSpec, error: BaseException, heard: ObservedAnswer) -> UpstreamFailure:
    """The failure for an error that LiteLLM raised: the provider's answer, its connection, or our own request."""
    status = heard.status
    if status is not None and status >= 400:
        return failures.from_response(deployment, status, heard.body, heard.headers)
    if heard.is_too_large:
        return failures.invalid(deployment, str(TooLarge())) if heard.is_stream else failures.too_large(deployment)
    if heard.unknown_packing:
        return failures.invalid(deployment, "answered in a content encoding that was not asked for.")
    if status is not None and status >= 300:
        return failures.invalid(deployment, f"answered {status}, a redirect, which is not followed.", status=status)
    if status is None and (reason := _reason(error)):
        return failures.unreachable(deployment, f"connection failed ({reason})")
    if status is None:
        return _unsent(call, deployment, error)
    if told := trailing_error(heard.body):
        return failures.from_event(deployment, told)
    if reason := _reason(error):
        return failures.unreachable(deployment, f"the answer was cut ({reason})")
    if isinstance(error, litellm.ContentPolicyViolationError):
        return failures.blocked(deployment)
    return failures.invalid(deployment, "gave an answer that cannot be read.")


def broken(deployment: DeploymentSpec, heard: ObservedAnswer) -> UpstreamFailure:
    """The failure for a stream that ended before its answers: the error in it, or the broken connection."""
    if told := trailing_error(heard.body):
        return failures.from_event(deployment, told)
    return failures.unreachable(deployment, "the stream was cut before its end")


def unanswered(deployment: DeploymentSpec, said: AnswerReading, heard: ObservedAnswer) -> UpstreamFailure:
    """The failure for an answer with a success status that is not an answer: preferably in the provider's own
    words."""
    if error := trailing_error(heard.body) or said.error:
        return failures.from_event(deployment, error)
    if heard.is_ended_by_error:
        return failures.from_event(deployment, {"message": "The answer ended with an error."})
    return failures.invalid(deployment, said.problem or "gave an answer that cannot be read.")


def _unsent(call: Call, deployment: DeploymentSpec, error: BaseException) -> UpstreamFailure:
    """The failure for a request that was not sent: LiteLLM could not translate it into the provider's dialect, or has
    no credentials."""
    status = failures.status_of(error)
    if status in (401, 403) or "redentials" in type(error).__name__:
        return failures.no_credentials(deployment)
    named = [f"'{name}'" for name in call.chat if name not in ("model", "stream") and name in str(error)]
    if not named and status not in (400, 422):
        return failures.unreachable(deployment, "the request could not be sent")
    return failures.untranslatable(deployment, f" See {', '.join(named)}." if named else "")


def _reason(error: BaseException) -> str:
    """The network's reason for a failure; '' without one."""
    return reason_of(error) if is_of_network(error) else ""
