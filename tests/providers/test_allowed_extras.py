"""Extra headers and fields of a provider's or a deployment's requests: what is accepted, kept and shown."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from groups.models import RoutingGroup
from groups.specs import spec_of
from providers.adaptations.allowed_extras import check_extra_body, check_extra_headers
from tests.factories import make_model, make_provider

URL = "/api/v1/llm/providers"
HEADERS, BODY = {"X-Title": "shop", "OpenAI-Organization": "org-1"}, {"safe_prompt": True, "prompt_cache_key": "k"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "x"},
        {"x-api-key": "x"},
        {"Api-Key": "x"},
        {"Cookie": "a=b"},
        {"Host": "evil.example"},
        {"Content-Length": "3"},
        {"Transfer-Encoding": "chunked"},
        {"Proxy-Authorization": "x"},
        {"Connection": "close"},
        {"X-Forwarded-For": "1.2.3.4"},
        {"Helicone-Auth": "x"},
        {"cf-access-token": "x"},
        {"X-Note": "Bearer abc"},
        {"X-Note": "sk-ant-REDACTED"},
        {"X-Note": "a\r\nX-Other: b"},
        {"X Note": "a"},
        {"X-Note": ""},
        {"X-Note": 3},
        {"X-Note": "a", "x-note": "b"},
        {f"X-{n}": "a" for n in range(21)},
        ["X-Note"],
    ],
)
def test_headers_of_the_connection_or_with_secrets_are_refused(headers):
    with pytest.raises(ValidationError):
        check_extra_headers(headers)


@pytest.mark.parametrize(
    "body",
    [
        {"model": "x"},
        {"stream": True},
        {"max_tokens": 3},
        {"api_base": "http://x"},
        {"nested": {"api_key": "abc"}},
        {"list": [{"password": "abc"}]},
        {"note": "sk-proj-abcdefghijklmnop"},
        {"note": "x" * 9000},
        ["note"],
    ],
)
def test_fields_of_the_request_or_with_secrets_are_refused(body):
    with pytest.raises(ValidationError):
        check_extra_body(body)


def test_what_is_intended_is_accepted():
    check_extra_headers(HEADERS)
    check_extra_body({**BODY, "provider": {"order": ["a", "b"]}, "author": "me"})


@pytest.mark.django_db
def test_a_provider_keeps_and_shows_them(as_alice):
    made = as_alice.post(URL, {"type": "vllm", "api_base": "http://gpu:8000/v1", "extra_headers": HEADERS}).json()
    one = f"{URL}/{made['provider']['id']}"
    assert made["provider"]["extra_headers"] == HEADERS
    assert as_alice.patch(one, {"extra_body": BODY}).json()["extra_body"] == BODY
    refused = as_alice.patch(one, {"extra_headers": {"Cookie": "a"}})
    assert (refused.status_code, [*refused.json()]) == (400, ["extra_headers"])


@pytest.mark.django_db
def test_a_deployments_own_win_over_its_providers(as_bob):
    model = make_model(
        provider=make_provider(extra_headers={"X-Title": "all", "X-Team": "t"}, extra_body={"a": 1, "b": 1})
    )
    row = {"model_id": str(model.pk), "priority": 1, "extra_headers": {"x-title": "one"}, "extra_body": {"b": 2}}
    body = {"routing_group_name": "g", "routing_strategy": "priority-failover", "deployments": [row]}
    made = as_bob.post("/v1/routing_group", body).json()
    assert made["deployments"][0]["extra_body"] == {"b": 2}
    (spec,) = spec_of(RoutingGroup.objects.with_credentials().get()).deployments
    assert (dict(spec.extra_headers), spec.extra_body) == ({"x-title": "one", "x-team": "t"}, {"a": 1, "b": 2})
    row["extra_headers"] = {"Authorization": "x"}
    assert as_bob.put(f"/v1/routing_group/{made['routing_group_id']}", body).status_code == 400
