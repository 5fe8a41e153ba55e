import litellm
import pytest

from engine.upstreams import failures
from tests.engine.scripted import deployment


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"bad"}}', litellm.BadRequestError),
        (400, b"This model's maximum context length is 4097 tokens.", litellm.ContextWindowExceededError),
        (
            400,
            b'{"error":{"message":"no","type":"invalid_request_error","code":"content_policy_violation"}}',
            litellm.ContentPolicyViolationError,
        ),
        (401, b"{}", litellm.AuthenticationError),
        (404, b"{}", litellm.NotFoundError),
        (408, b"{}", litellm.Timeout),
        (429, b"{}", litellm.RateLimitError),
        (500, b"{}", litellm.InternalServerError),
        (502, b"<html>", litellm.BadGatewayError),
        (503, b"", litellm.ServiceUnavailableError),
    ],
)
def test_an_http_error_becomes_the_exception_litellm_would_raise(status: int, body: bytes, kind: type):
    error = failures.from_response(deployment("a"), status, body, {"Retry-After": "7"})
    assert type(error) is kind
    assert failures.status_of(error) == status
    assert failures.retry_after_s(error) == 7


def test_the_message_is_the_upstreams_own_without_prefixes():
    error = failures.from_response(deployment("a"), 429, b'{"error":{"message":"slow down"}}', {})
    assert failures.message_of(error) == "slow down"


def test_litellms_prefixes_are_not_for_people():
    error = failures.timed_out(deployment("a"), "no answer", 2.5)
    assert failures.message_of(error) == "P: no answer after 2.5 s."


@pytest.mark.parametrize("key", ["sk-abcdefgh12345678", "gsk_abcdefgh12345678", "Bearer abcdefgh12345678"])
def test_a_key_that_the_upstream_echoes_is_masked(key: str):
    body = f'{{"error":{{"message":"Incorrect API key provided: {key}."}}}}'.encode()
    error = failures.from_response(deployment("a"), 401, body, {})
    assert "abcdefgh12345678" not in f"{error} {failures.message_of(error)}"


def test_a_refused_connection_counts_as_a_server_error():
    error = failures.unreachable(deployment("a"), "connection refused")
    assert isinstance(error, litellm.InternalServerError)
    assert failures.status_of(error) == 500


def test_what_no_database_stores_is_taken_out_of_messages():
    error = failures.from_response(deployment("a"), 500, b'{"error": {"message": "bad\\u0000byte"}}', {})
    assert failures.message_of(error) == "bad\N{REPLACEMENT CHARACTER}byte"


def test_a_message_of_prefixes_alone_is_read_soon():
    error = failures.from_event(deployment("a"), {"message": "Error: " * 500_000, "code": 500})
    assert len(failures.message_of(error)) <= failures.MESSAGE_LIMIT
