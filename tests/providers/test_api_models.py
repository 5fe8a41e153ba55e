"""`/api/v1/llm/models`."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from providers.models import LanguageModel
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/models"


def test_create_fills_prices_and_limits_from_the_catalog(as_alice):
    provider = make_provider(type="openai", name="OpenAI")
    answer = as_alice.post(URL, {"provider": str(provider.id), "model_name": "gpt-4o"})
    assert answer.status_code == 201, answer.content
    model = answer.json()["model"]
    assert model["input_cost_per_million"] == 2.5
    assert model["output_cost_per_million"] == 10
    assert model["context_length"] == 128_000
    assert "vision" in model["capabilities"]
    assert (model["provider"], model["provider_name"]) == (str(provider.id), "OpenAI")


def test_what_the_body_says_beats_the_catalog(as_alice):
    body = {
        "provider": str(make_provider(type="openai").id),
        "modelName": "gpt-4o",
        "displayName": "Four",
        "inputCostPerMillion": 0,
        "capabilities": [],
        "quality": 80,
        "enabled": False,
    }
    model = as_alice.post(URL, body).json()["model"]
    expected = {
        "display_name": "Four",
        "input_cost_per_million": 0,
        "capabilities": [],
        "quality": 80,
        "enabled": False,
    }
    assert model.items() >= expected.items()
    assert model["output_cost_per_million"] == 10


BAD = {
    "no provider": ({"provider": None}, "provider"),
    "provider unknown": ({"provider": str(uuid4())}, "provider"),
    "provider no id": ({"provider": "OpenAI"}, "provider"),
    "provider a list": ({"provider": []}, "provider"),
    "no name": ({"model_name": ""}, "model_name"),
    "name with a space": ({"model_name": "gpt 4"}, "model_name"),
    "name with NUL": ({"model_name": "gpt\x00"}, "model_name"),
    "name of 1 MB": ({"model_name": "x" * 1_000_000}, "model_name"),
    "name taken": ({"model_name": "taken"}, "model_name"),
    "price below zero": ({"input_cost_per_million": -1}, "input_cost_per_million"),
    "price a word": ({"input_cost_per_million": "NaN"}, "input_cost_per_million"),
    "price infinite": ({"output_cost_per_million": "Infinity"}, "output_cost_per_million"),
    "price huge": ({"output_cost_per_million": 1e20}, "output_cost_per_million"),
    "context 0": ({"context_length": 0}, "context_length"),
    "context huge": ({"context_length": 10**18}, "context_length"),
    "capabilities a word": ({"capabilities": "chat"}, "capabilities"),
    "capabilities nested": ({"capabilities": [["chat"]]}, "capabilities"),
    "quality 101": ({"quality": 101}, "quality"),
    "a typo": ({"contextlenght": 1}, "contextlenght"),
}


@pytest.mark.parametrize(("change", "field"), BAD.values(), ids=BAD.keys())
def test_bad_input_names_the_field_and_stores_nothing(as_alice, change, field):
    taken = make_model(name="taken")
    body = {"provider": str(taken.provider_id), "model_name": "new", **change}
    answer = as_alice.generic("POST", URL, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == [field]
    assert LanguageModel.objects.count() == 1


def test_list_is_paged_and_filtered(as_charlie):
    nebius, azure = make_provider(name="Nebius"), make_provider(name="Azure")
    make_model(provider=nebius, name="llama", display_name="Llama the Third")
    make_model(provider=azure, name="gpt", enabled=False)
    assert names(as_charlie, "") == ["gpt", "llama"]
    assert names(as_charlie, f"?provider={nebius.id}") == names(as_charlie, "?provider=nebius") == ["llama"]
    assert names(as_charlie, "?q=THIRD") == ["llama"]
    assert names(as_charlie, "?enabled=0") == ["gpt"]
    page = as_charlie.get(f"{URL}?page=2&size=1").json()
    assert (len(page.pop("models")), page) == (1, {"total": 2, "page": 2, "size": 1})


def names(client, query: str) -> list[str]:
    return [model["model_name"] for model in client.get(URL + query).json()["models"]]


def test_read_and_delete(as_alice, as_charlie):
    model = make_model(name="llama")
    assert as_charlie.get(f"{URL}/{model.id}").json()["model_name"] == "llama"
    assert as_alice.delete(f"{URL}/{model.id}").json() == {"success": True, "id": str(model.id), "deleted": True}
    assert as_alice.get(f"{URL}/{model.id}").status_code == 404


def test_a_model_that_groups_use_stays_and_the_answer_names_them(as_alice):
    model = make_model()
    for name in ("summaries", "chat"):
        make_group(name=name, models=[model])
    answer = as_alice.delete(f"{URL}/{model.id}")
    assert answer.status_code == 409
    assert "chat, summaries" in answer.json()["detail"]
    assert LanguageModel.objects.filter(pk=model.pk).exists()


def test_wrong_methods(as_alice):
    assert as_alice.delete(URL).status_code == 405
    assert as_alice.post(f"{URL}/{make_model().id}", {}).status_code == 405


def test_rights(as_bob, as_charlie, as_dora, as_nobody):
    model = make_model()
    body = {"provider": str(model.provider_id), "model_name": "new"}
    for client in (as_bob, as_charlie):
        assert client.get(URL).status_code == 200
        assert {client.post(URL, body).status_code, client.delete(f"{URL}/{model.id}").status_code} == {403}
    assert as_dora.get(URL).status_code == 403
    assert as_nobody.get(URL).status_code == 401


def test_the_list_takes_the_same_queries_for_many_rows(as_charlie, django_assert_num_queries):
    for _ in range(5):
        make_model()
    with django_assert_num_queries(4):  # the key, the rows, the total
        as_charlie.get(URL)
