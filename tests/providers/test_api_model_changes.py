"""PUT and PATCH of `/api/v1/llm/models/{id}`."""

from __future__ import annotations

import pytest

from groups.specs import spec_of_model
from providers.models import LanguageModel
from tests.factories import make_model, make_provider

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/models"


@pytest.fixture
def gpt(as_alice) -> str:
    """The address of a model that has its prices from the catalog."""
    body = {"provider": str(make_provider(type="openai", name="OpenAI").id), "model_name": "gpt-4o"}
    return f"{URL}/{as_alice.post(URL, body).json()['model']['id']}"


def test_patch_changes_what_is_given(as_alice, gpt):
    model = as_alice.patch(gpt, {"displayName": "Four", "inputCostPerMillion": 1.5, "enabled": False}).json()
    expected = {"display_name": "Four", "input_cost_per_million": 1.5, "enabled": False, "model_name": "gpt-4o"}
    assert model.items() >= {**expected, "output_cost_per_million": 10, "context_length": 128_000}.items()


def test_what_somebody_typed_is_no_longer_the_catalogs_and_null_gives_it_back(as_alice, gpt):
    as_alice.patch(gpt, {"input_cost_per_million": 1.5, "output_cost_per_million": 10})
    assert LanguageModel.objects.get().catalog_entry.keys() == {
        *("output_cost_per_million", "cached_input_cost_per_million", "cache_write_cost_per_million"),
        *("unit", "price_per_unit", "context_length", "max_output_tokens", "capabilities"),
    }
    assert as_alice.patch(gpt, {"input_cost_per_million": None}).json()["input_cost_per_million"] == 2.5
    assert LanguageModel.objects.get().catalog_entry["input_cost_per_million"] == "2.5"


def test_put_sets_the_rest_to_the_catalogs_values(as_alice, gpt):
    as_alice.patch(gpt, {"input_cost_per_million": 1.5, "quality": 3, "display_name": "Four", "enabled": False})
    model = as_alice.put(gpt, {"model_name": "gpt-4o"}).json()
    expected = {"input_cost_per_million": 2.5, "quality": None, "display_name": "", "enabled": True}
    assert model.items() >= expected.items()


def test_what_was_read_can_be_put_back_and_stays_the_catalogs(as_alice, gpt):
    before = as_alice.get(gpt).json()
    after = as_alice.put(gpt, before).json()
    assert {**after, "updated_at": 0} == {**before, "updated_at": 0}
    assert len(LanguageModel.objects.get().catalog_entry) == 9


def test_under_a_new_name_it_has_the_new_ones_prices_but_keeps_what_was_typed(as_alice, gpt):
    as_alice.patch(gpt, {"context_length": 1000})
    model = as_alice.patch(gpt, {"model_name": "gpt-4o-mini"}).json()
    assert (model["input_cost_per_million"], model["context_length"]) == (0.15, 1000)


def test_a_base_model_says_what_a_name_of_ones_own_does_not(as_alice):
    body = {"provider": str(make_provider(type="azure", name="Azure").id), "model_name": "of-our-own"}
    own = f"{URL}/{as_alice.post(URL, body).json()['model']['id']}"
    assert as_alice.get(own).json()["max_output_tokens"] is None
    model = as_alice.patch(own, {"base_model": "gpt-4o", "context_length": 1000}).json()
    expected = {"base_model": "gpt-4o", "input_cost_per_million": 2.5, "max_output_tokens": 16_384}
    assert model.items() >= {**expected, "context_length": 1000}.items()
    assert as_alice.patch(own, {"base_model": ""}).json()["input_cost_per_million"] is None


def test_a_unit_and_its_price_can_be_typed(as_alice, gpt):
    model = as_alice.patch(gpt, {"unit": "second", "price_per_unit": "0.0001"}).json()
    assert (model["unit"], model["price_per_unit"]) == ("second", 0.0001)
    assert as_alice.patch(gpt, {"unit": None, "price_per_unit": None}).json()["unit"] == ""
    assert as_alice.patch(gpt, {"unit": "yard"}).status_code == 400


def test_quality_is_guessed_from_the_price_until_somebody_says_it(as_alice, gpt):
    def quality(**change: object) -> tuple[object, ...]:
        model = as_alice.patch(gpt, change).json()
        return model["quality"], model["quality_score"], model["quality_source"]

    assert quality() == (None, 70, "guessed_from_price")
    assert quality(quality=91) == (91, 91, "typed")
    assert quality(quality=None, output_cost_per_million=0) == (None, None, "unknown")


BAD = {
    "another provider": ({"provider": "taken"}, "provider"),
    "no name": ({"model_name": ""}, "model_name"),
    "name taken": ({"model_name": "taken"}, "model_name"),
    "name with a space": ({"model_name": "gpt 4"}, "model_name"),
    "price below zero": ({"cached_input_cost_per_million": -1}, "cached_input_cost_per_million"),
    "price of cache writes below zero": ({"cache_write_cost_per_million": -1}, "cache_write_cost_per_million"),
    "context 0": ({"context_length": 0}, "context_length"),
    "quality 101": ({"quality": 101}, "quality"),
    "a typo": ({"contextlenght": 1}, "contextlenght"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_bad_input_names_the_field_and_changes_nothing(as_alice, gpt, body, field):
    taken = make_model(provider=LanguageModel.objects.get().provider, name="taken")
    body = {**body, "provider": str(make_provider().id)} if field == "provider" else body
    answer = as_alice.patch(gpt, body)
    assert (answer.status_code, list(answer.json())) == (400, [field]), answer.content
    assert LanguageModel.objects.exclude(pk=taken.pk).get().name == "gpt-4o"


def test_rights_and_absence(as_alice, as_bob, as_charlie, as_dora, as_nobody, gpt):
    for client, status in ((as_bob, 403), (as_charlie, 403), (as_dora, 403), (as_nobody, 401)):
        assert client.patch(gpt, {"quality": 1}).status_code == client.put(gpt, {"quality": 1}).status_code == status
    assert as_alice.patch(f"{URL}/nothing", {}).status_code == 404


def test_a_change_takes_a_known_number_of_queries(as_alice, gpt, django_assert_max_num_queries):
    with django_assert_max_num_queries(26):
        as_alice.patch(gpt, {"quality": 3})


def test_a_model_says_which_words_it_takes(as_alice):
    model = make_model()
    own, words = f"{URL}/{model.pk}", {"limit_name": "max_completion_tokens", "system_role": "developer"}
    assert words.items() <= as_alice.patch(own, words).json().items()
    spec = spec_of_model(LanguageModel.objects.get(pk=model.pk)).deployments[0]
    assert {"limit_name": spec.limit_name, "system_role": spec.system_role} == words
    refused = as_alice.patch(own, {"system_role": "root"})
    assert (refused.status_code, list(refused.json())) == (400, ["system_role"])
    assert as_alice.patch(own, {"system_role": "", "limit_name": ""}).json()["limit_name"] == ""
