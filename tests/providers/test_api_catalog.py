"""`/api/v1/llm/catalog`: searching LiteLLM's price map, and taking over what is new in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from access.keys import COMMAND_LINE
from providers.actions import create_model
from providers.catalog.search import search
from providers.models import LanguageModel
from providers.presets import is_known
from tests.factories import make_model, make_provider

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/catalog"


def names(client, query: str) -> list[str]:
    return [model["model_name"] for model in client.get(f"{URL}?{query}").json()["models"]]


def test_it_finds_every_word_of_the_query_among_a_providers_models(as_charlie):
    answer = as_charlie.get(f"{URL}?type=openai&q=4O mini&size=200").json()
    model = next(model for model in answer["models"] if model["model_name"] == "gpt-4o-mini")
    prices = {"input_cost_per_million": 0.15, "output_cost_per_million": 0.6, "cached_input_cost_per_million": 0.075}
    assert model.items() >= {**prices, "type": "openai", "context_length": 128_000, "quality_score": 46}.items()
    assert all("4o" in model["model_name"] and model["type"] == "openai" for model in answer["models"])


def test_names_are_those_the_provider_knows(as_charlie):
    assert "meta-llama/Llama-3.3-70B-Instruct" in names(as_charlie, "type=nebius&size=200")
    assert "gemini-2.5-pro" in names(as_charlie, "type=gemini&size=200")
    assert "anthropic/claude-sonnet-4.5" in names(as_charlie, "type=openrouter&q=sonnet")
    assert "command-r-08-2024" in names(as_charlie, "type=cohere")


def test_it_is_paged(as_charlie):
    first, second = (as_charlie.get(f"{URL}?q=gpt&size=5&page={page}").json() for page in (1, 2))
    assert (first["total"], first["page"], second["page"], len(first["models"])) == (second["total"], 1, 2, 5)
    assert not {m["model_name"] + m["type"] for m in first["models"]} & {
        m["model_name"] + m["type"] for m in second["models"]
    }
    assert names(as_charlie, "q=gpt&page=1000") == []


def test_every_offered_model_can_be_added():
    models, total = search(size=10_000)
    assert len(models) == total == len({(model.type, model.name) for model in models})
    assert all(is_known(model.type) and len(model.name) <= 256 and " " not in model.name for model in models)


@pytest.mark.parametrize("query", ["type=openia", "page=0", "size=999"])
def test_a_bad_query_names_the_parameter(as_charlie, query):
    answer = as_charlie.get(f"{URL}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [query.partition("=")[0]])


def made(**typed: Any) -> LanguageModel:
    """A model whose accepted entry says that it used to cost half of what it costs today."""
    model = create_model(by=COMMAND_LINE, provider=make_provider(type="openai"), name="gpt-4o", **typed)
    model.catalog_entry = {
        **model.catalog_entry,
        "output_cost_per_million": "5",
        "capabilities": ["chat"],
    }
    model.output_cost_per_million = 5
    model.save()
    return model


def test_an_upgrade_of_the_map_is_shown_and_not_applied(as_charlie):
    model = made()
    make_model(name="of nobody's map")
    page = as_charlie.get(f"{URL}/updates").json()
    (update,) = page["updates"]
    assert (update["id"], update["model_name"], page["total"]) == (str(model.id), "gpt-4o", 1)
    assert update["changes"][0] == {"field": "output_cost_per_million", "accepted": 5, "today": 10}
    assert update["changes"][1]["accepted"] == ["chat"]
    assert LanguageModel.objects.get(pk=model.pk).output_cost_per_million == 5


def test_it_is_taken_over_when_it_is_accepted_and_then_no_longer_news(as_alice):
    model = made()
    answer = as_alice.post(f"{URL}/updates/accept", {"ids": [str(model.id), str(make_model().id)]})
    assert answer.json() == {"success": True, "ids": [str(model.id)]}
    model.refresh_from_db()
    assert (model.output_cost_per_million, "vision" in model.capabilities) == (Decimal(10), True)
    assert as_alice.get(f"{URL}/updates").json()["updates"] == []


def test_it_can_be_declined_for_good(as_alice):
    model = made()
    answer = as_alice.post(f"{URL}/updates/decline", {"ids": [str(model.id), str(make_model().id)]})
    assert answer.json() == {"success": True, "ids": [str(model.id)]}
    model.refresh_from_db()
    assert (model.output_cost_per_million, model.capabilities) == (
        Decimal(5),
        ["chat", "tools", "vision", "json_schema", "prompt_caching"],
    )
    assert as_alice.get(f"{URL}/updates").json()["total"] == 0
    assert "input_cost_per_million" in model.catalog_entry


def test_what_somebody_typed_is_never_touched(as_alice):
    model = create_model(
        by=COMMAND_LINE, provider=make_provider(type="openai"), name="gpt-4o", input_cost_per_million=Decimal(1)
    )
    LanguageModel.objects.update(output_cost_per_million=7)
    as_alice.patch(f"/api/v1/llm/models/{model.id}", {"output_cost_per_million": 8})
    assert as_alice.get(f"{URL}/updates").json()["updates"] == []
    as_alice.post(f"{URL}/updates/accept", {"ids": [str(model.id)]})
    model.refresh_from_db()
    assert (model.input_cost_per_million, model.output_cost_per_million) == (Decimal(1), Decimal(8))


def test_a_model_that_left_the_map_keeps_its_prices(as_charlie):
    model = made()
    LanguageModel.objects.filter(pk=model.pk).update(name="gpt-of-yore")
    assert as_charlie.get(f"{URL}/updates").json()["total"] == 0


@pytest.mark.parametrize("verb", ["accept", "decline"])
@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["x"]}, {"ids": "all"}])
def test_bad_ids_are_refused(as_alice, verb, body):
    answer = as_alice.post(f"{URL}/updates/{verb}", body)
    assert (answer.status_code, list(answer.json())) == (400, ["ids"])


def test_ids_of_nothing_change_nothing(as_alice):
    assert as_alice.post(f"{URL}/updates/accept", {"ids": [str(uuid4())]}).json()["ids"] == []


def test_rights_and_methods(as_alice, as_bob, as_charlie, as_dora, as_nobody):
    for url in (URL, f"{URL}/updates"):
        assert as_bob.get(url).status_code == as_charlie.get(url).status_code == 200
        assert (as_dora.get(url).status_code, as_nobody.get(url).status_code) == (403, 401)
        assert as_alice.post(url, {}).status_code == 405
    body = {"ids": [str(uuid4())]}
    for verb in ("accept", "decline"):
        assert as_bob.post(f"{URL}/updates/{verb}", body).status_code == 403
        assert as_alice.get(f"{URL}/updates/{verb}").status_code == 405


def test_queries_do_not_grow_with_the_models(as_charlie, django_assert_num_queries):
    for _ in range(5):
        made()
    with django_assert_num_queries(4):  # the key, the models, those with news
        as_charlie.get(f"{URL}/updates")
    with django_assert_num_queries(2):  # the key, and whose it is
        as_charlie.get(URL)
