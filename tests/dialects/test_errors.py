import json

import pytest

from engine.core.failures import Kind
from engine.dialects.errors import read_error

NOW = 1_800_000_000.0


def read(status, error, headers=None):
    body = error if isinstance(error, bytes) else json.dumps(error).encode()
    return read_error(status, headers or {}, body, now=NOW)


def nested(**fields):
    return {"error": fields}


TOO_LONG = {
    "openai": (
        400,
        nested(message="Your input exceeds the context window of this model.", type="invalid_request_error"),
    ),
    "openai-code": (400, nested(message="Too much.", code="context_length_exceeded", param="messages")),
    "groq": (400, nested(message="Please reduce the length of the messages or completion.", param="messages")),
    "fireworks": (400, nested(object="error", message="The prompt is too long: 9000, model maximum: 8192")),
    "anthropic": (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 208732 tokens > 200000 maximum"},
        },
    ),
    "gemini": (
        400,
        [
            nested(
                code=400,
                message="The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
                status="INVALID_ARGUMENT",
            )
        ],
    ),
    "vllm": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 6048 tokens. However, you requested 6616 tokens.",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    "llama.cpp": (500, nested(code=500, message="no room", type="exceed_context_size_error", n_ctx=256)),
    "together": (
        422,
        nested(message="Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096."),
    ),
    "mistral": (400, {"object": "error", "message": "Prompt contains 40000 tokens, too large for model with 32768"}),
    "openrouter": (
        400,
        nested(
            message="Provider returned error",
            code=400,
            metadata={"raw": json.dumps(nested(message="long", code="context_length_exceeded")), "provider_name": "X"},
        ),
    ),
    "openrouter itself": (
        400,
        nested(
            message="This endpoint's maximum context length is 16384 tokens. However, you requested about 94307 tokens "
            '(94307 of text input). Please reduce the length of either one, or use the "middle-out" transform.',
            code=400,
            metadata={"provider_name": None},
        ),
    ),
    "anthropic with max_tokens": (
        400,
        nested(
            type="invalid_request_error",
            message="input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input length",
        ),
    ),
    "anthropic by size": (413, nested(type="request_too_large", message="Request exceeds the maximum size")),
    "bedrock": (400, {"message": "Input is too long for requested model."}),
    "deepseek": (
        400,
        nested(
            message="This model's maximum context length is 131072 tokens. However, you requested 131134 tokens.",
            type="invalid_request_error",
            param=None,
            code="invalid_request_error",
        ),
    ),
    "vllm with images": (
        400,
        {
            "object": "error",
            "message": "The prompt (total length 25938) is too long to fit into the model (context length 4096).",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    "vllm embedding": (
        400,
        nested(message="The decoder prompt (length 4500) is longer than the maximum model length of 4096.", code=400),
    ),
    "llama.cpp of today": (
        400,
        nested(code=400, message="request (1407 tokens) exceeds the available context size (256 tokens)", type="x"),
    ),
    "llama-cpp-python": (400, nested(message="Requested tokens (2285) exceed context window of 2048")),
    "xai": (
        400,
        {"code": "invalid", "error": "This model's maximum prompt length is 131072 but the request contains 537812."},
    ),
    "cohere": (
        400,
        {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."},
    ),
    "litellm, flat": (
        400,
        b"litellm.BadRequestError: MistralException - Prompt contains 9 tokens, too large for model",
    ),
    "litellm around bedrock": (
        400,
        b'litellm.BadRequestError: BedrockException - {"message":"Input is too long for requested model."}',
    ),
}
FORBIDDEN = {
    "openai": (400, nested(message="no", code="content_policy_violation")),
    "azure": (
        400,
        nested(
            message="The response was filtered",
            code="content_filter",
            innererror={"code": "ResponsibleAIPolicyViolation"},
        ),
    ),
    "anthropic": (
        400,
        nested(type="invalid_request_error", message="Output blocked by content filtering policy"),
    ),
    "openrouter": (403, nested(code=403, message="no", metadata={"reasons": ["violence"], "flagged_input": "x"})),
    "azure in words": (
        400,
        nested(message="The response was filtered due to Azure OpenAI's content management policy.", status=400),
    ),
    "openai in words": (
        400,
        nested(
            message="Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
            code="invalid_prompt",
        ),
    ),
    "bedrock": (400, {"message": "The generated text has been blocked by our content filters."}),
    "deepseek": (400, nested(message="Content Exists Risk", type="invalid_request_error")),
    "xai": (403, {"code": "permission", "error": "Content violates usage guidelines."}),
    "qwen": (400, nested(code="data_inspection_failed", message="Input data may contain inappropriate content.")),
    "gemini": (400, nested(code=400, message="The prompt was blocked: PROHIBITED_CONTENT", status="X")),
}
USED_UP = {
    "openai": (429, nested(message="You exceeded your current quota.", code="insufficient_quota")),
    "anthropic": (
        400,
        nested(type="invalid_request_error", message="Your credit balance is too low to access the Anthropic API."),
    ),
    "deepseek": (402, nested(message="Insufficient Balance", type="unknown_error", code="invalid_request_error")),
    "openrouter": (402, nested(message="This request requires more credits, or fewer max_tokens.", code=402)),
    "xai": (429, {"code": "exhausted", "error": "Your team has used all available credits."}),
    "fireworks": (412, nested(message="Account is suspended, possibly due to unpaid invoices")),
}
NEITHER = {
    "openai, answer too long": (
        400,
        nested(message="max_tokens is too large: 50000. This model supports at most 16384 completion tokens."),
    ),
    "bedrock, answer too long": (400, {"message": "The maximum tokens you requested exceeds the model limit of 2048."}),
    "openai, parameter": (400, nested(message="Unsupported parameter: 'max_tokens'", code="unsupported_parameter")),
}


@pytest.mark.parametrize("provider", TOO_LONG)
def test_a_request_too_long_is_recognised(provider):
    assert read(*TOO_LONG[provider]).kind is Kind.CONTEXT_LENGTH


@pytest.mark.parametrize("provider", FORBIDDEN)
def test_a_forbidden_content_is_recognised(provider):
    assert read(*FORBIDDEN[provider]).kind is Kind.CONTENT_POLICY


@pytest.mark.parametrize("provider", USED_UP)
def test_a_used_up_account_is_recognised(provider):
    assert read(*USED_UP[provider]).kind is Kind.QUOTA


@pytest.mark.parametrize("provider", NEITHER)
def test_another_wrong_request_is_neither_too_long_nor_forbidden(provider):
    assert read(*NEITHER[provider]).kind is Kind.BAD_REQUEST


def test_groq_speaking_of_tokens_a_minute_is_a_rate_limit():
    said = nested(message="Request too large for model, reduce the length of the messages", code="rate_limit_exceeded")
    assert read(413, said).kind is Kind.RATE_LIMIT


def test_a_used_up_quota_is_no_rate_limit():
    reading = read(429, nested(message="You exceeded your current quota.", type="insufficient_quota"))
    assert (reading.kind, reading.type) == (Kind.QUOTA, "insufficient_quota")


def test_gemini_speaking_of_a_quota_a_minute_is_a_rate_limit_with_its_delay():
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}]
    reading = read(429, [nested(code=429, message="quota", status="RESOURCE_EXHAUSTED", details=details)])
    assert (reading.kind, reading.retry_after_s) == (Kind.RATE_LIMIT, 17)


def test_code_param_and_type_survive():
    error = nested(message="no", type="invalid_request_error", param="temperature", code="unsupported_parameter")
    reading = read(400, error)
    assert (reading.code, reading.type, reading.param) == (
        "unsupported_parameter",
        "invalid_request_error",
        "temperature",
    )


def test_openrouter_is_read_to_what_its_provider_said():
    raw = json.dumps(nested(message="at most 1 image", type="invalid_request_error"))
    reading = read(400, nested(message="Provider returned error", code=400, metadata={"raw": raw}))
    assert (reading.message, reading.type, reading.code) == ("at most 1 image", "invalid_request_error", None)


def test_plain_words_of_openrouters_provider_are_read():
    reading = read(429, nested(message="Provider returned error", code=429, metadata={"raw": "slow down please"}))
    assert (reading.kind, reading.message) == (Kind.RATE_LIMIT, "slow down please")


def test_gemini_in_its_own_envelope_is_unwrapped():
    inner = json.dumps(nested(code=429, message="Exhausted.", status="RESOURCE_EXHAUSTED"))
    assert read(429, nested(message=inner, code=429, status="Too Many Requests")).message == "Exhausted."


def test_a_web_page_is_named_and_not_quoted():
    page = b"<html><head><title>Bad\n gateway</title></head><body>secret</body></html>"
    assert read(502, page).message == "answered 502 with an HTML page, titled ‘Bad gateway’."


def test_an_event_has_the_status_it_says():
    reading = read(None, nested(message="slow", code="429"))
    assert (reading.status, reading.kind) == (429, Kind.RATE_LIMIT)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"error": {}}', b"\xff\xfe", b'{"error": [1]}'])
def test_nothing_said_is_no_message_and_no_crash(body):
    assert read(503, body).kind is Kind.SERVER


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-reset": str(NOW + 9)}, 9),
        ({"X-RateLimit-Reset": str((NOW + 9) * 1000)}, 9),
        ({"anthropic-ratelimit-tokens-reset": "2027-01-15T08:00:12Z"}, 12),
        (
            {
                "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-requests": "8m0s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "2s",
            },
            2,
        ),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "-3"}, 0),
    ],
)
def test_the_wait_is_read_in_every_spelling(headers, expected):
    said = read(429, nested(message="slow"), headers).retry_after_s
    assert said == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, 529, Kind.SERVER),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, 429, Kind.RATE_LIMIT),
        ({"type": "insufficient_quota", "code": "insufficient_quota", "message": "none"}, 429, Kind.QUOTA),
        ({"status": "UNAVAILABLE", "message": "Overloaded."}, 503, Kind.SERVER),
        ({"type": "throttlingException", "message": "slow"}, 429, Kind.RATE_LIMIT),
        ({"type": "server_error", "code": None, "message": "broken"}, 500, Kind.SERVER),
        ({"message": "broken"}, None, Kind.SERVER),
    ],
)
def test_an_event_without_a_number_has_the_status_that_its_word_stands_for(error, status, kind):
    reading = read(None, nested(**error))
    assert (reading.status, reading.kind) == (status, kind)
