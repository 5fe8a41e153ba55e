"""An attempt's failure -> LiteLLM's exception, by which its Router decides, and back."""

from __future__ import annotations

import math
import time
from typing import Any

import httpx
import litellm

from engine.core.failures import Kind
from engine.dialects import waits
from engine.upstreams.upstream_failure import NO_CONNECTION, NO_QUOTA, UNREADABLE, UpstreamFailure

# To LiteLLM a broken connection is a server error, and an account without quota has reached a rate limit.
CLASSES: dict[str, type[Exception]] = {
    "AuthenticationError": litellm.AuthenticationError,
    "BadGatewayError": litellm.BadGatewayError,
    "BadRequestError": litellm.BadRequestError,
    "ContentPolicyViolationError": litellm.ContentPolicyViolationError,
    "ContextWindowExceededError": litellm.ContextWindowExceededError,
    "InternalServerError": litellm.InternalServerError,
    "NotFoundError": litellm.NotFoundError,
    "RateLimitError": litellm.RateLimitError,
    "ServiceUnavailableError": litellm.ServiceUnavailableError,
    "Timeout": litellm.Timeout,
    NO_CONNECTION: litellm.InternalServerError,
    UNREADABLE: litellm.BadGatewayError,
    NO_QUOTA: litellm.RateLimitError,
}
SENT = httpx.Request("POST", "http://upstream.invalid/")


class OwnLimit(UpstreamFailure):
    """A deployment's own limit of requests or tokens is reached: nobody was asked."""

    def __init__(self, wait_s: float | None) -> None:
        super().__init__(
            "The deployment's own limit of requests or tokens in a minute is reached.",
            kind=Kind.RATE_LIMIT,
            error_class="RateLimitError",
            status=429,
            came_status=429,
            retry_after_s=wait_s,
        )


def to_litellm(error: Exception) -> Exception:
    """LiteLLM's exception for a failure, with its status and its Retry-After; other exceptions as they are.

    Each one is new, because the Router writes on those that it gets.
    """
    if not isinstance(error, UpstreamFailure):
        return error
    about = {"message": error.message, "llm_provider": "", "model": ""}
    kind = litellm.AuthenticationError if error.kind is Kind.OWN_KEY else CLASSES.get(error.error_class)
    theirs: Any = kind(**about) if kind is not None else litellm.APIError(status_code=error.status, **about)
    if error.came_status is not None:
        theirs.status_code = error.status
        theirs.response = httpx.Response(error.came_status, headers=_headers(error), request=SENT)
    theirs.failure = error
    made: Exception = theirs
    return made


def from_litellm(error: Exception) -> Exception:
    """The failure that an exception of the Router carries; other exceptions as they are."""
    failure = getattr(error, "failure", None)
    return failure if isinstance(failure, UpstreamFailure) else error


def own_limit(error: litellm.RateLimitError) -> OwnLimit:
    """The failure that LiteLLM's counting of a deployment's own limits means; the exception then carries it."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    error.failure = failure = OwnLimit(waits.retry_after_s(headers, now=time.time()))
    return failure


def _headers(failure: UpstreamFailure) -> dict[str, str]:
    wait_s = failure.retry_after_s
    return {} if wait_s is None else {"retry-after": str(math.ceil(wait_s))}
