"""Which protocols the console speaks with a provider: a setting, and what becomes of providers that exist."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from providers.models import Provider
from tests.factories import make_provider

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/providers"


def test_an_existing_provider_stays_on_litellm_and_others_are_not_touched():
    make_provider(name="A", type="anthropic", api_base="")
    make_provider(name="O", type="openai", api_base="")
    import_module("providers.migrations.0005_speak_dialects").stay_on_litellm(apps, None)
    assert dict(Provider.objects.values_list("name", "dialects")) == {"A": ["litellm"], "O": []}


def test_a_provider_is_switched_by_its_dialects(as_alice):
    body = {"type": "anthropic", "api_key": "sk-ant-0123456789abcdef"}
    made = as_alice.post(URL, body).json()["provider"]
    one = f"{URL}/{made['id']}"
    assert as_alice.get(one).json()["dialects"] == []
    assert as_alice.patch(one, {"dialects": ["litellm"]}).json()["dialects"] == ["litellm"]
    assert as_alice.patch(one, {"dialects": []}).json()["dialects"] == []
