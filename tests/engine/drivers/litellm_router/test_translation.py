"""What LiteLLM's Router decides by is what LiteLLM itself would have raised for the same answer."""

from typing import Any

import httpx
import litellm
import pytest
from litellm.llms.openai.common_utils import OpenAIError

from engine.drivers.litellm_router.translation import from_litellm, to_litellm
from engine.upstreams import failures
from engine.upstreams.own_keys import OwnKeyRefused
from engine.upstreams.upstream_failure import UpstreamFailure
from tests.engine.scripted import deployment

ROW, NO_QUOTA = deployment("a"), b'{"error": {"code": "insufficient_quota"}}'


def by_litellm(status: int) -> Any:
    """LiteLLM's own reading of an answer of an OpenAI-compatible server."""
    error = OpenAIError(status_code=status, message="no", headers=httpx.Headers())
    try:
        litellm.exception_type(model="gpt-4o", original_exception=error, custom_llm_provider="openai")
    except Exception as mapped:
        return mapped
    return error


def exception(status: int, headers: dict[str, str]) -> Any:
    return to_litellm(failures.from_response(ROW, status, b"no", headers))


@pytest.mark.parametrize("status", [status for status in range(400, 600) if status != 499])
def test_the_exception_of_a_status_is_the_one_that_litellm_raises(status: int):
    theirs, own = by_litellm(status), exception(status, {})
    assert (type(own), own.status_code) == (type(theirs), theirs.status_code)


@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
def test_the_wait_that_the_upstream_asks_for_is_where_the_router_looks_for_it(status: int):
    theirs = exception(status, {"Retry-After-Ms": "6100"})
    assert theirs.response.headers["retry-after"] == "7"


OURS = {
    "a broken connection": (failures.unreachable(ROW, "reset"), litellm.InternalServerError),
    "an answer that nobody can read": (failures.invalid(ROW, "said nothing."), litellm.BadGatewayError),
    "a time limit": (failures.timed_out(ROW, "no answer", 2), litellm.Timeout),
    "a blocked answer": (failures.blocked(ROW), litellm.ContentPolicyViolationError),
    "a key that cannot be read": (failures.unusable(deployment("a", problem="No key.")), litellm.AuthenticationError),
    "no quota": (
        failures.from_response(ROW, 429, b'{"error":{"code":"insufficient_quota"}}', {}),
        litellm.RateLimitError,
    ),
    "an own key": (OwnKeyRefused(ROW, failures.from_response(ROW, 401, b"no", {})), litellm.AuthenticationError),
}


@pytest.mark.parametrize(("failure", "kind"), OURS.values(), ids=OURS)
def test_each_failure_of_ours_is_something_to_the_router_and_comes_back_as_it_was(failure: UpstreamFailure, kind: type):
    theirs = to_litellm(failure)
    assert type(theirs) is kind
    assert from_litellm(theirs) is failure
    assert to_litellm(failure) is not theirs


def test_what_is_no_failure_stays_as_it_is():
    error = RuntimeError("x")
    assert to_litellm(error) is from_litellm(error) is error
