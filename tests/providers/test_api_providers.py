"""`/api/v1/llm/providers`."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from providers import secrets
from providers.models import LanguageModel, Provider
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/providers"
KEY = "sk-or-v1-0123456789abcdef1234"
OPENROUTER = {"type": "openrouter", "apiKey": KEY, "priority": 7, "autoFallback": False, "models": ["openai/gpt-4o"]}


def test_create_answers_what_the_contract_says(as_alice):
    answer = as_alice.post(URL, OPENROUTER)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["success"] is True
    provider = body["provider"]
    expected = {"name": "OpenRouter", "type": "openrouter", "status": "active", "model_count": 1, "priority": 7}
    assert provider.items() >= expected.items()
    assert provider["auto_fallback"] is False
    assert provider["api_key"] == "sk-…****1234"
    assert Provider.objects.get().created_by == "alice"


def test_the_average_cost_is_of_the_prices_that_are_known(as_alice):
    body = {"type": "openai", "api_key": KEY, "models": ["gpt-4o", "no-such-model"]}
    assert as_alice.post(URL, body).json()["provider"]["avg_cost"] == 6.25


def test_a_key_is_stored_encrypted_and_never_returned(as_alice, caplog):
    provider_id = as_alice.post(URL, {"type": "openai", "api_key": KEY}).json()["provider"]["id"]
    seen = as_alice.get(URL).content + as_alice.get(f"{URL}/{provider_id}").content + caplog.text.encode()
    assert KEY[3:-4].encode() not in seen
    assert secrets.decrypt(Provider.objects.get().key).reveal() == KEY


def test_a_name_that_is_taken_is_numbered_unless_it_was_asked_for(as_alice):
    names = [as_alice.post(URL, OPENROUTER).json()["provider"]["name"] for _ in range(3)]
    assert names == ["OpenRouter", "OpenRouter 2", "OpenRouter 3"]
    answer = as_alice.post(URL, {**OPENROUTER, "name": "openROUTER"})
    assert (answer.status_code, list(answer.json())) == (400, ["name"])


def test_self_hosted_providers_need_an_address_but_no_key(as_alice):
    assert as_alice.post(URL, {"type": "vllm"}).json().keys() == {"api_base"}
    answer = as_alice.post(URL, {"type": "vllm", "apiBase": "https://gpu.example.com/v1", "name": "Our GPUs"})
    assert answer.status_code == 201
    assert answer.json()["provider"]["api_key"] is None


def test_any_litellm_provider_will_do(as_alice):
    assert as_alice.post(URL, {"type": "deepseek", "api_key": KEY}).status_code == 201


BAD = {
    "type missing": ({"api_key": KEY}, "type"),
    "type unknown": ({"type": "openia", "api_key": KEY}, "type"),
    "type null": ({"type": None, "api_key": KEY}, "type"),
    "no key": ({"type": "openai"}, "api_key"),
    "key in two lines": ({"type": "openai", "api_key": "sk-a\nX-Evil: 1"}, "api_key"),
    "key not ASCII": ({"type": "openai", "api_key": "sk-ключключключ"}, "api_key"),
    "key a list": ({"type": "openai", "api_key": [KEY]}, "api_key"),
    "key of 1 MB": ({"type": "openai", "api_key": "x" * 1_000_000}, "api_key"),
    "key twice": ({"type": "openai", "api_key": KEY, "apiKey": KEY}, "api_key"),
    "name with NUL": ({**OPENROUTER, "name": "a\x00b"}, "name"),
    "name with surrogate": ({**OPENROUTER, "name": "a\ud800"}, "name"),
    "name with slash": ({**OPENROUTER, "name": "a/b"}, "name"),
    "name of 1 MB": ({**OPENROUTER, "name": "x" * 1_000_000}, "name"),
    "custom without address": ({"type": "custom", "api_key": KEY}, "api_base"),
    "address is none": ({**OPENROUTER, "api_base": "openrouter"}, "api_base"),
    "address is private": ({**OPENROUTER, "api_base": "http://10.1.2.3/v1"}, "api_base"),
    "address of metadata": ({**OPENROUTER, "api_base": "http://169.254.169.254/"}, "api_base"),
    "priority 0": ({**OPENROUTER, "priority": 0}, "priority"),
    "priority huge": ({**OPENROUTER, "priority": 10**30}, "priority"),
    "priority a word": ({**OPENROUTER, "priority": "high"}, "priority"),
    "enabled maybe": ({**OPENROUTER, "enabled": "maybe"}, "enabled"),
    "models a word": ({**OPENROUTER, "models": "gpt-4o"}, "models"),
    "models twice": ({**OPENROUTER, "models": ["a", "a"]}, "models"),
    "models with a space": ({**OPENROUTER, "models": ["a b"]}, "models"),
    "a dialect unknown": ({**OPENROUTER, "dialects": ["morse"]}, "dialects"),
    "LiteLLM beside a dialect": ({**OPENROUTER, "dialects": ["litellm", "chat"]}, "dialects"),
    "dialects a word": ({**OPENROUTER, "dialects": "chat"}, "dialects"),
    "a typo": ({**OPENROUTER, "prioritty": 1}, "prioritty"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_bad_input_names_the_field_and_stores_nothing(as_alice, settings, body, field):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    answer = as_alice.generic("POST", URL, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == [field]
    assert KEY not in answer.content.decode()
    assert not Provider.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"x"', b"null", b"\xff", b"[" * 100_000, b'{"a": 1e999}'])
def test_what_is_no_json_object_is_400(as_alice, body):
    assert as_alice.generic("POST", URL, body, content_type="application/json").status_code == 400


def test_a_body_that_is_too_large_is_413(as_alice, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert as_alice.post(URL, {"name": "x" * 2000}).status_code == 413


def test_list_is_paged_and_filtered(as_charlie):
    for name, type, enabled in [("A", "openai", True), ("B", "groq", True), ("C", "groq", False)]:
        make_provider(name=name, type=type, enabled=enabled)
    assert names(as_charlie, "") == ["A", "B", "C"]
    assert names(as_charlie, "?type=groq") == ["B", "C"]
    assert names(as_charlie, "?enabled=false") == ["C"]
    assert names(as_charlie, "?q=GRO") == ["B", "C"]
    page = as_charlie.get(f"{URL}?page=2&size=2").json()
    assert ([p["name"] for p in page.pop("providers")], page) == (["C"], {"total": 3, "page": 2, "size": 2})
    assert names(as_charlie, "?page=9") == []


def names(client, query: str) -> list[str]:
    return [provider["name"] for provider in client.get(URL + query).json()["providers"]]


@pytest.mark.parametrize("query", ["page=0", "page=x", "size=0", "size=201", "size=", "enabled=maybe", "q=%00"])
def test_a_bad_query_is_400_and_names_the_parameter(as_charlie, query):
    answer = as_charlie.get(f"{URL}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [query.partition("=")[0]])


def test_read_and_delete(as_alice, as_charlie):
    url = f"{URL}/{make_model().provider_id}"
    assert as_charlie.get(url).json()["model_count"] == 1
    assert as_alice.delete(url).json()["deleted"] is True
    assert as_alice.get(url).status_code == 404
    assert not LanguageModel.objects.exists()


def test_a_provider_whose_models_are_used_stays(as_alice):
    model = make_model()
    make_group(name="chat", models=[model])
    make_group(name="summaries", models=[model, make_model(provider=model.provider)])
    answer = as_alice.delete(f"{URL}/{model.provider_id}")
    assert answer.status_code == 409
    assert "chat, summaries" in answer.json()["detail"]
    assert Provider.objects.filter(pk=model.provider_id).exists()


@pytest.mark.parametrize("row_id", [str(uuid4()), "7", "x" * 500, "..", "%00"])
def test_an_id_that_is_none_is_404(as_alice, row_id):
    for answer in (as_alice.get(f"{URL}/{row_id}"), as_alice.delete(f"{URL}/{row_id}")):
        assert answer.status_code == 404
        assert "detail" in answer.json()


def test_wrong_methods(as_alice):
    assert as_alice.delete(URL).status_code == 405
    assert as_alice.post(f"{URL}/{make_provider().id}").status_code == 405


def test_rights(as_bob, as_charlie, as_dora, as_nobody):
    detail = f"{URL}/{make_provider().id}"
    for client in (as_bob, as_charlie):
        assert client.get(URL).status_code == client.get(detail).status_code == 200
        assert client.post(URL, OPENROUTER).status_code == client.delete(detail).status_code == 403
    assert {as_dora.get(URL).status_code, as_dora.post(URL, OPENROUTER).status_code} == {403}
    assert {as_nobody.get(URL).status_code, as_nobody.delete(detail).status_code} == {401}


def test_the_list_takes_the_same_queries_for_many_rows(as_charlie, django_assert_num_queries):
    for _ in range(5):
        make_model(provider=make_provider(key=KEY))
    with django_assert_num_queries(4):  # the key, the rows, the total
        as_charlie.get(URL)
