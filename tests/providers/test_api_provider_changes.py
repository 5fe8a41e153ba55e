"""PUT and PATCH of `/api/v1/llm/providers/{id}`."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from providers import secrets
from providers.actions import rotate_keys
from providers.models import LanguageModel, Provider
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
KEY, OTHER_KEY = "sk-or-v1-0123456789abcdef1234", "sk-or-v1-fedcba98765432105678"


def url_of(provider: Provider) -> str:
    return f"/api/v1/llm/providers/{provider.id}"


def stored(provider: Provider) -> Provider:
    return Provider.objects.select_related("key").get(pk=provider.pk)


def test_patch_changes_what_is_given_in_either_spelling(as_alice):
    provider = make_provider(name="Nebius", type="nebius", key=KEY, priority=9)
    answer = as_alice.patch(
        url_of(provider),
        {"autoFallback": False, "provesStandby": False, "apiBase": "https://eu.example.com/v1", "rpm": 60},
    )
    assert answer.status_code == 200, answer.content
    expected = {"auto_fallback": False, "api_base": "https://eu.example.com/v1", "rpm": 60, "priority": 9}
    assert answer.json()["proves_standby"] is False
    assert (
        answer.json().items()
        >= {**expected, "name": "Nebius", "api_key": "sk-…****1234", "updated_by": "alice"}.items()
    )


def test_put_sets_the_rest_to_its_defaults_but_keeps_name_key_and_models(as_alice):
    provider = make_provider(name="Mine", type="openai", key=KEY, priority=9, rpm=5, enabled=False)
    make_model(provider=provider)
    body = as_alice.put(url_of(provider), {"type": "openai", "autoFallback": False}).json()
    expected = {"priority": 50, "rpm": None, "enabled": True, "api_base": "", "auto_fallback": False}
    assert body.items() >= {**expected, "name": "Mine", "api_key": "sk-…****1234", "model_count": 1}.items()


def test_what_was_read_can_be_put_back(as_alice):
    provider = make_provider(type="aws", api_base="", settings={"aws_region_name": "eu-central-1"})
    secrets.store(
        provider=provider, key="", others={"aws_access_key_id": "AKIA0123456789", "aws_secret_access_key": KEY}
    )
    before = as_alice.get(url_of(provider)).json()
    answer = as_alice.put(url_of(provider), before)
    assert answer.status_code == 200, answer.content
    changed = {"updated_at", "updated_by"}
    assert {k: v for k, v in answer.json().items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed
    }
    assert dict(secrets.read(stored(provider).key).others)["aws_secret_access_key"].reveal() == KEY


@pytest.mark.parametrize(("sent", "kept"), [(OTHER_KEY, OTHER_KEY), ("sk-…****1234", KEY)])
def test_a_key_is_replaced_unless_it_comes_back_as_it_was_shown(as_alice, sent, kept):
    provider = make_provider(type="openai", key=KEY)
    assert as_alice.patch(url_of(provider), {"apiKey": sent}).status_code == 200
    assert secrets.decrypt(stored(provider).key).reveal() == kept


@pytest.mark.parametrize("nothing", ["", None])
def test_a_key_can_be_removed_where_none_is_needed(as_alice, nothing):
    custom, openai = make_provider(key=KEY), make_provider(type="openai", api_base="", key=KEY)
    assert as_alice.patch(url_of(custom), {"api_key": nothing}).json()["api_key"] is None
    answer = as_alice.patch(url_of(openai), {"api_key": nothing})
    assert (answer.status_code, list(answer.json())) == (400, ["api_key"])
    assert as_alice.patch(url_of(openai), {"api_key": nothing, "enabled": False}).json()["api_key"] is None
    answer = as_alice.patch(url_of(openai), {"enabled": True})
    assert (answer.status_code, list(answer.json())) == (400, ["api_key"])


def test_bedrock_takes_a_region_and_two_keys_and_shows_only_their_hints(as_alice):
    pair = {"aws_access_key_id": "AKIA0123456789", "aws_secret_access_key": KEY}
    body: dict[str, Any] = {"type": "aws", "settings": {"aws_region_name": "eu-central-1"}, "credentials": pair}
    created = as_alice.post("/api/v1/llm/providers", body)
    assert created.status_code == 201, created.content
    hints = {"aws_access_key_id": "…****6789", "aws_secret_access_key": "sk-…****1234"}
    assert (created.json()["provider"]["credentials"], created.json()["provider"]["api_key"]) == (hints, None)
    url = url_of(Provider.objects.get())
    assert as_alice.patch(url, {"credentials": {"aws_secret_access_key": OTHER_KEY}}).json()["credentials"] == {
        **hints,
        "aws_secret_access_key": "sk-…****5678",
    }
    assert list(as_alice.patch(url, {"credentials": {"aws_access_key_id": ""}}).json()) == ["credentials"]
    removed = as_alice.patch(url, {"credentials": dict.fromkeys(pair, "")})
    assert (removed.json()["credentials"], hasattr(Provider.objects.get(), "key")) == ({}, False)


def test_the_list_of_models_is_the_whole_list(as_alice):
    provider = make_provider(type="openai", key=KEY)
    make_model(provider=provider, name="gpt-4o", input_cost_per_million=1)
    make_model(provider=provider, name="gpt-4")
    answer = as_alice.patch(url_of(provider), {"models": ["gpt-4o", "gpt-4o-mini"]})
    assert answer.json()["model_count"] == 2
    prices = dict(LanguageModel.objects.values_list("name", "input_cost_per_million"))
    assert {name: float(price) for name, price in prices.items()} == {"gpt-4o": 1, "gpt-4o-mini": 0.15}


def test_a_model_that_a_group_uses_is_not_dropped_from_the_list(as_alice):
    provider = make_provider()
    make_group(name="chat", models=[make_model(provider=provider, name="used")])
    answer = as_alice.patch(url_of(provider), {"models": ["new"], "priority": 3})
    assert answer.status_code == 409
    assert "chat" in answer.json()["detail"]
    assert (stored(provider).priority, LanguageModel.objects.get().name) == (50, "used")


BAD = {
    "another type": ({"type": "groq"}, "type"),
    "name taken": ({"name": "taken"}, "name"),
    "name with slash": ({"name": "a/b"}, "name"),
    "no address": ({"api_base": ""}, "api_base"),
    "address of metadata": ({"api_base": "http://169.254.169.254/"}, "api_base"),
    "priority 0": ({"priority": 0}, "priority"),
    "rpm 0": ({"rpm": 0}, "rpm"),
    "tpm huge": ({"tpm": 10**18}, "tpm"),
    "key in two lines": ({"api_key": "sk-a\nX-Evil: 1"}, "api_key"),
    "models twice": ({"models": ["a", "a"]}, "models"),
    "a setting it has not": ({"settings": {"api_version": "1"}}, "settings"),
    "settings a list": ({"settings": []}, "settings"),
    "a secret it has not": ({"credentials": {"aws_access_key_id": "x"}}, "credentials"),
    "a typo": ({"enabeld": True}, "enabeld"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_bad_input_names_the_field_and_changes_nothing(as_alice, body, field):
    make_provider(name="Taken")
    provider = make_provider(name="Mine")
    answer = as_alice.patch(url_of(provider), body)
    assert (answer.status_code, list(answer.json())) == (400, [field]), answer.content
    assert stored(provider).updated_at == provider.updated_at


def test_a_key_nobody_can_read_can_be_replaced_once_the_old_encryption_key_is_given_up(as_alice, settings):
    provider = make_provider(name="Old", key=KEY)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert as_alice.patch(url_of(provider), {"priority": 1}).status_code == 200
    assert as_alice.patch(url_of(provider), {"api_key": OTHER_KEY}).status_code == 409
    rotate_keys(is_old_lost=True)
    assert as_alice.patch(url_of(provider), {"api_key": OTHER_KEY}).status_code == 200
    assert secrets.decrypt(stored(provider).key).reveal() == OTHER_KEY


def test_of_several_unreadable_secrets_none_can_be_replaced_alone(as_alice, settings):
    provider = make_provider(name="Old", type="aws", settings={"aws_region_name": "eu-central-1"})
    secrets.store(
        provider=provider, key="", others={"aws_access_key_id": "AKIA0123456789", "aws_secret_access_key": KEY}
    )
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    answer = as_alice.patch(url_of(provider), {"credentials": {"aws_secret_access_key": OTHER_KEY}})
    assert answer.status_code == 409
    assert "Old" in answer.json()["detail"]


def test_rights_and_absence(as_alice, as_bob, as_charlie, as_dora, as_nobody):
    provider = make_provider()
    for client, status in ((as_bob, 403), (as_charlie, 403), (as_dora, 403), (as_nobody, 401)):
        assert client.patch(url_of(provider), {"priority": 1}).status_code == status
        assert client.put(url_of(provider), {"priority": 1}).status_code == status
    assert as_alice.patch("/api/v1/llm/providers/nobody", {}).status_code == 404


def test_a_change_takes_few_queries(as_alice, django_assert_max_num_queries):
    provider = make_provider(key=KEY)
    for _ in range(5):
        make_model(provider=provider)
    with django_assert_max_num_queries(16):
        as_alice.patch(url_of(provider), {"priority": 3})
