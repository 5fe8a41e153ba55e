"""Which protocols the console speaks with a provider: a setting, and what becomes of providers that exist."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps

from providers.adaptations.usual_dialects import usual_dialects
from providers.models import Provider
from providers.presets import preset_of
from tests.factories import make_model, make_provider
from tests.fakes import Behaviour, Ok, ScriptedUpstream, Status
from tests.odd_servers import Paths

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/providers"
SPOKEN = {"chat": True, "responses": False, "messages": True}


@pytest.fixture
def server(settings) -> Iterator[ScriptedUpstream]:
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    refused = Status(400)
    paths: dict[str, Behaviour] = {"/v1/models": Ok(), "/v1/chat/completions": refused, "/v1/messages": refused}
    with ScriptedUpstream(usual=Paths(paths)) as running:
        yield running


def test_an_existing_provider_stays_on_litellm_and_others_are_not_touched():
    make_provider(name="A", type="anthropic", api_base="")
    make_provider(name="O", type="openai", api_base="")
    import_module("providers.migrations.0005_speak_dialects").stay_on_litellm(apps, None)
    assert dict(Provider.objects.values_list("name", "dialects")) == {"A": ["litellm"], "O": []}


def test_google_providers_that_exist_stay_on_litellm_and_new_ones_are_called_directly():
    make_provider(name="silent", type="google", api_base="")
    make_provider(name="by its other name", type="gemini", api_base="")
    make_provider(name="switched", type="google", api_base="", dialects=["chat"])
    import_module("providers.migrations.0013_keep_google_on_litellm").stay_on_litellm(apps, None)
    make_provider(name="new", type="google", api_base="")
    litellm = ["litellm"]
    kept = {"silent": litellm, "by its other name": litellm, "switched": ["chat"], "new": []}
    assert dict(Provider.objects.values_list("name", "dialects")) == kept
    assert usual_dialects(preset_of("google")) == {"chat"}
    assert usual_dialects(preset_of("google"), "https://gemini.example.com/v1beta") == {"litellm"}


def test_existing_models_take_over_limits_and_prices_of_units():
    ours = make_model(provider=make_provider(type="cohere"), name="rerank-v3.5", catalog_entry={"context_length": 1})
    import_module("providers.migrations.0006_know_limits_and_unit_prices").take_over(apps, None)
    ours.refresh_from_db()
    assert (ours.unit, ours.price_per_unit) == ("search", Decimal("0.002"))
    assert ours.catalog_entry.keys() == {"context_length", "unit", "price_per_unit", "max_output_tokens"}


def test_a_provider_is_switched_by_its_dialects(as_alice):
    body = {"type": "anthropic", "api_key": "sk-ant-0123456789abcdef"}
    made = as_alice.post(URL, body).json()["provider"]
    one = f"{URL}/{made['id']}"
    assert as_alice.get(one).json()["dialects"] == []
    assert as_alice.patch(one, {"dialects": ["litellm"]}).json()["dialects"] == ["litellm"]
    assert as_alice.patch(one, {"dialects": []}).json()["dialects"] == []


def test_a_test_says_which_dialects_the_server_speaks(as_alice, server):
    body = {"provider": "custom", "api_base": server.url}
    assert as_alice.post("/api/v1/llm/test", body).json()["dialects"] == SPOKEN


def test_what_is_spoken_is_kept_and_changes_nothing_that_a_person_set(as_alice, server):
    provider = make_provider(api_base=server.url, dialects=["responses"])
    assert as_alice.post(f"{URL}/{provider.pk}/test").json()["dialects"] == SPOKEN
    row = as_alice.get(f"{URL}/{provider.pk}").json()
    assert (row["dialects"], row["dialects_probed"], row["dialects_probed_at"] is None) == (
        ["responses"],
        SPOKEN,
        False,
    )
    sent_back = as_alice.patch(f"{URL}/{provider.pk}", {"dialects_probed": {"chat": False}, "priority": 3})
    assert sent_back.json()["dialects_probed"] == SPOKEN


@pytest.mark.parametrize("change", [{"api_base": "https://other.example/v1"}, {"api_key": "sk-another-one-0123456789"}])
def test_another_address_or_key_may_be_another_server(as_alice, server, change):
    provider = make_provider(api_base=server.url)
    as_alice.post(f"{URL}/{provider.pk}/test")
    assert as_alice.patch(f"{URL}/{provider.pk}", {"priority": 7}).json()["dialects_probed"] == SPOKEN
    row = as_alice.patch(f"{URL}/{provider.pk}", change).json()
    assert (row["dialects_probed"], row["dialects_probed_at"]) == ({}, None)


def test_a_server_that_does_not_work_is_not_asked_for_dialects(as_alice, server):
    server.usual = Status(401)
    provider = make_provider(api_base=server.url)
    assert "dialects" not in as_alice.post(f"{URL}/{provider.pk}/test").json()
    assert server.count == 1


def test_no_dialect_is_spoken_with_a_providers_key_to_somebody_else(as_alice):
    body = {"type": "google", "api_key": "a-key-of-google-0123456789", "dialects": ["messages"]}
    refused = as_alice.post(URL, body)
    assert (refused.status_code, refused.json()) == (
        400,
        {"dialects": ["Give a base URL, too: messages can't be spoken without."]},
    )
    assert as_alice.post(URL, {**body, "dialects": ["chat"]}).status_code == 201
