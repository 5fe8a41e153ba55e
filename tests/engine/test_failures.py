import pytest
from pydantic_core import to_json

from engine.core.failures import Kind
from engine.dialects.words import LIMIT
from engine.outcomes import Outcome, outcome_of
from engine.routing import failure_of
from engine.upstreams import failures
from gateway import openai
from tests.engine.scripted import deployment


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"bad"}}', "BadRequestError"),
        (400, b"This model's maximum context length is 4097 tokens.", "ContextWindowExceededError"),
        (
            400,
            b'{"error":{"message":"no","type":"invalid_request_error","code":"content_policy_violation"}}',
            "ContentPolicyViolationError",
        ),
        (401, b"{}", "AuthenticationError"),
        (404, b"{}", "NotFoundError"),
        (408, b"{}", "Timeout"),
        (429, b"{}", "RateLimitError"),
        (500, b"{}", "InternalServerError"),
        (502, b"<html>", "BadGatewayError"),
        (503, b"", "ServiceUnavailableError"),
    ],
)
def test_an_http_error_has_the_name_that_litellm_gives_it(status: int, body: bytes, kind: str):
    error = failures.from_response(deployment("a"), status, body, {"Retry-After": "7"})
    assert error.error_class == kind
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


def test_a_refused_connection_is_a_bad_gateway_to_callers():
    error = failures.unreachable(deployment("a"), "connection refused")
    assert (error.kind, error.error_class) == (Kind.UNREACHABLE, "UpstreamConnectionError")
    assert failures.status_of(error) == 502


def test_a_web_page_is_told_and_not_quoted():
    error = failures.from_response(deployment("a"), 502, b"<html><title>Bad gateway</title>secret</html>", {})
    assert failures.message_of(error) == "P answered 502 with an HTML page, titled ‘Bad gateway’."


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (500, {"type": "exceed_context_size_error", "message": "no room"}, "ContextWindowExceededError"),
        (400, {"message": "The prompt is too long: 9000"}, "ContextWindowExceededError"),
        (400, {"code": "content_filter", "message": "filtered"}, "ContentPolicyViolationError"),
    ],
)
def test_the_kind_of_an_error_decides_its_class(status: int, error: dict, kind: str):
    assert failures.from_response(deployment("a"), status, to_json({"error": error}), {}).error_class == kind


def test_an_event_without_a_status_is_what_its_type_says():
    error = failures.from_event(deployment("a"), {"type": "rate_limit_error", "message": "slow down"})
    assert failures.status_of(error) == 429


def test_a_quota_that_is_used_up_is_told_as_such_and_is_hopeless():
    body = b'{"error":{"message":"No quota.","type":"insufficient_quota","code":"insufficient_quota"}}'
    told = openai.from_failure(failure_of(failures.from_response(deployment("a"), 429, body, {"Retry-After": "9"})))
    assert told.code == told.fields["type"] == "insufficient_quota"
    assert dict(told.headers)[b"x-should-retry"] == b"false"


def test_code_type_and_param_of_the_upstream_reach_the_caller():
    body = b'{"error":{"message":"no","type":"t","param":"temperature","code":"unsupported_parameter"}}'
    told = openai.from_failure(failure_of(failures.from_response(deployment("a"), 400, body, {})))
    assert told.fields == {"message": "no", "type": "t", "param": "temperature", "code": "unsupported_parameter"}


def test_what_an_upstream_says_of_our_key_is_not_told_as_the_callers():
    body = b'{"error":{"message":"Wrong key.","type":"invalid_request_error","code":"invalid_api_key"}}'
    told = openai.from_failure(failure_of(failures.from_response(deployment("a"), 401, body, {})))
    assert (told.status, told.code, told.fields["type"]) == (502, None, "api_error")


def test_the_reset_of_a_limit_is_told_as_retry_after():
    error = failures.from_response(deployment("a"), 429, b"{}", {"x-ratelimit-reset-tokens": "1m30s"})
    assert dict(openai.from_failure(failure_of(error)).headers)[b"retry-after"] == b"90"


@pytest.mark.parametrize("status", [499, 600, 999])
def test_a_status_that_means_nothing_to_callers_is_a_bad_gateway_and_the_attempt_has_what_came(status: int):
    error = failures.from_response(deployment("a"), status, b'{"error":{"message":"gone"}}', {})
    told = openai.from_failure(failure_of(error))
    assert (told.status, told.fields["message"], failures.came_of(error)) == (502, "gone", status)
    assert outcome_of(told.status, was_routed=True) is Outcome.FAILED


@pytest.mark.parametrize("value", ["99999999999", "9" * 400, "2999-01-01T00:00:00Z", "-", "\xff\xfe"])
def test_a_wait_that_nobody_can_mean_leaves_the_error_as_it_is(value: str):
    body = b'{"error":{"message":"slow"}}'
    for name in ("Retry-After", "retry-after-ms", "x-ratelimit-reset-tokens"):
        error = failures.from_response(deployment("a"), 429, body, {name: value * (1000 if "ms" in name else 1)})
        assert error.error_class == "RateLimitError"
        assert failures.retry_after_s(error) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "99999999", "x-ratelimit-reset-requests": "6s"},
        {"Retry-After": "99999999", "retry-after-ms": "6000"},
        {"Retry-After": "6", "retry-after-ms": "99999999999"},
    ],
)
def test_a_wait_that_nobody_can_mean_does_not_hide_one_that_is_meant(headers: dict[str, str]):
    error = failures.from_response(deployment("a"), 429, b"{}", headers)
    assert failures.retry_after_s(error) == 6


def test_a_spelling_that_cannot_be_passed_on_does_not_hide_the_other():
    headers = {"Retry-After": "\xff", "retry-after-ms": "2000"}
    error = failures.from_response(deployment("a"), 429, b"{}", headers)
    assert failures.retry_after_s(error) == 2


def test_what_steers_a_terminal_is_taken_out_of_messages():
    body = to_json({"error": {"message": "\x1b[2Jgone \u202egnorw\x07"}})
    assert failures.message_of(failures.from_response(deployment("a"), 500, body, {})) == "[2Jgone gnorw"


def test_what_no_database_stores_is_taken_out_of_messages():
    error = failures.from_response(deployment("a"), 500, b'{"error": {"message": "bad\\u0000byte"}}', {})
    assert failures.message_of(error) == "bad\N{REPLACEMENT CHARACTER}byte"


def test_a_message_of_prefixes_alone_is_read_soon():
    error = failures.from_event(deployment("a"), {"message": "Error: " * 500_000, "code": 500})
    assert len(failures.message_of(error)) <= LIMIT


NOTHING_CAME = {
    "a connection that broke": failures.unreachable(deployment("a"), "connection reset"),
    "our own time limit": failures.timed_out(deployment("a"), "no answer", 1),
    "an answer that cannot be read": failures.invalid(deployment("a"), "did not answer in OpenAI's format."),
    "a key that cannot be read": failures.unusable(deployment("a", problem="no key")),
    "an event without a status": failures.from_event(deployment("a"), {"message": "broken"}),
    "an answer that was blocked": failures.blocked(deployment("a")),
    "an error that nobody foresaw": RuntimeError("x"),
}


@pytest.mark.parametrize("error", NOTHING_CAME.values(), ids=NOTHING_CAME)
def test_where_no_status_came_none_is_invented(error: Exception):
    assert failures.came_of(error) is None


@pytest.mark.parametrize("status", [400, 408, 429, 500, 504, 529])
def test_the_status_that_came_is_kept(status: int):
    error = failures.from_response(deployment("a"), status, b"{}", {})
    assert (failures.came_of(error), failures.status_of(error)) == (status, status)


def test_an_event_says_its_own_status():
    assert failures.came_of(failures.from_event(deployment("a"), {"code": 429, "message": "slow"})) == 429


def test_a_redirect_is_the_status_that_came():
    assert failures.came_of(failures.invalid(deployment("a"), "answered 302", status=302)) == 302


def test_a_used_up_quota_and_an_unreadable_answer_have_names_of_their_own():
    quota = failures.from_response(deployment("a"), 429, b'{"error":{"code":"insufficient_quota"}}', {})
    unreadable = failures.invalid(deployment("a"), "answered nothing.")
    assert (quota.error_class, quota.kind) == ("QuotaUsedUpError", Kind.QUOTA)
    assert (unreadable.error_class, failures.status_of(unreadable)) == ("UnreadableAnswerError", 502)


@pytest.mark.parametrize(
    ("status", "message"), [(400, "Your credit balance is too low to access the API."), (403, "Insufficient funds")]
)
def test_an_account_without_money_is_no_fault_of_the_request(status: int, message: str):
    error = failures.from_response(deployment("a"), status, to_json({"error": {"message": message}}), {})
    told = openai.from_failure(failure_of(error))
    assert (failures.came_of(error), told.status, told.code) == (status, 502, None)


def test_a_stream_that_breaks_ends_with_what_the_upstream_said():
    error = failures.from_event(deployment("a"), {"code": "rate_limit_exceeded", "type": "tokens", "message": "slow"})
    event = openai.from_failure(failure_of(error)).ending(None)
    assert b'"code":"rate_limit_exceeded"' in event
    assert b'"type":"tokens"' in event


def test_a_stream_that_is_cut_ends_with_a_code_of_its_own():
    event = openai.from_failure(failure_of(failures.unreachable(deployment("a"), "cut"))).ending(None)
    assert b'"message":"P: cut"' in event
    assert b'"code":"stream_broken"' in event
