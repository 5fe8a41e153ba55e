"""Which protocols the console speaks with a provider: a setting, and what becomes of providers that exist."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps

from providers.models import Provider
from tests.factories import make_model, make_provider

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/providers"


def test_an_existing_provider_stays_on_litellm_and_others_are_not_touched():
    make_provider(name="A", type="anthropic", api_base="")
    make_provider(name="O", type="openai", api_base="")
    import_module("providers.migrations.0005_speak_dialects").stay_on_litellm(apps, None)
    assert dict(Provider.objects.values_list("name", "dialects")) == {"A": ["litellm"], "O": []}


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
