"""The sentence about an error for callers, attempts and logs; only made here.

Texts of libraries are never quoted: only the class of their exceptions, the status, the network's reason and the
provider's own text inside. Their classes are told by name, so that nobody imports LiteLLM or a client for it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable

import aiohttp

from engine.dialects.words import LIMIT, said_in, words_of
from engine.exceptions import BadInput, RequestFailed
from engine.redaction import redact
from engine.upstreams.reasons import is_of_network, names_of, reason_of
from engine.upstreams.upstream_failure import UpstreamFailure

OURS = (UpstreamFailure, RequestFailed, BadInput)
TIMEOUTS = (TimeoutError, aiohttp.ServerTimeoutError)
TIMEOUT_NAMES = frozenset({"openai.APITimeoutError", "httpx.TimeoutException"})
LEFT = (asyncio.CancelledError, concurrent.futures.CancelledError, GeneratorExit, KeyboardInterrupt)
UNEXPECTED = "The request failed for a reason that is not the provider's: an unexpected error in the gateway."
NO_ANSWER = "The provider did not answer in time."
BY_CLASS = {
    "litellm.ContextWindowExceededError": "The request is too long for the context of the model.",
    "litellm.ContentPolicyViolationError": "The provider's content policy forbids the request or its answer.",
    "litellm.BudgetExceededError": "The budget for this request is used up.",
    "litellm.UnsupportedParamsError": "The provider does not support a parameter of the request.",
    "openai.APIResponseValidationError": "The provider's answer cannot be read.",
    "aiohttp.ClientPayloadError": "The provider's answer broke off.",
    "httpx.TooManyRedirects": "The provider answered with a redirect, which is not followed.",
    "httpx.DecodingError": "The provider's answer cannot be read.",
}
BY_STATUS = {
    400: "The provider refused the request as invalid.",
    401: "The provider refused the key.",
    402: "The account at the provider has no credit left.",
    403: "The provider does not allow this with the key.",
    404: "The provider does not know the model or the address.",
    408: NO_ANSWER,
    413: "The request is too large for the provider.",
    422: "The provider refused the request as invalid.",
    429: "The provider has had too many requests.",
    504: NO_ANSWER,
}


def sentence_of(error: BaseException) -> str:
    """The sentence about an error: one line, at most 500 characters, without keys or internals."""
    said = error.message if isinstance(error, OURS) else None
    if "openai.APIStatusError" in names_of(error):
        # The provider's own text is inside LiteLLM's as JSON.
        said = said_in(str(getattr(error, "message", ""))[: 20 * LIMIT])
    return (words_of(redact(said[: 20 * LIMIT])) if isinstance(said, str) else "") or _of_class(error)


def of_status(status: int) -> str:
    """The sentence for an upstream's status without a text."""
    return BY_STATUS.get(status) or f"The provider failed with status {status}."


def _of_class(error: BaseException) -> str:
    names = names_of(error)
    for name, sentence in BY_CLASS.items():
        if name in names:
            return sentence
    tries: tuple[Callable[[BaseException], str], ...] = (_of_wait, _of_connection, _of_number)
    return next((said for attempt in tries if (said := attempt(error))), UNEXPECTED)


def _of_wait(error: BaseException) -> str:
    if isinstance(error, LEFT):
        return "The caller left, or the server is stopping."
    is_late = isinstance(error, TIMEOUTS) or TIMEOUT_NAMES & names_of(error)
    return NO_ANSWER if is_late else ""


def _of_connection(error: BaseException) -> str:
    is_connection = isinstance(error, aiohttp.ClientConnectionError)
    if not is_connection and "openai.APIConnectionError" not in names_of(error) and not is_of_network(error):
        return ""
    return f"The connection to the provider failed: {reason_of(error)}."


def _of_number(error: BaseException) -> str:
    status = error.status if isinstance(error, UpstreamFailure) else getattr(error, "status_code", None)
    return of_status(status) if isinstance(status, int) and 400 <= status < 600 else ""
