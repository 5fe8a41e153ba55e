"""`manage.py seed_providers`."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from access.keys import COMMAND_LINE
from providers import secrets
from providers.actions import update_provider
from providers.catalog.starters import STARTERS
from providers.models import LanguageModel, Provider
from tests.factories import make_group, make_provider

pytestmark = pytest.mark.django_db
KEY = "sk-0123456789abcdef1234"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in STARTERS:
        monkeypatch.delenv(row.key_variable, raising=False)


def test_five_providers_with_25_models_and_more_at_real_prices(capsys):
    call_command("seed_providers")
    assert set(Provider.objects.values_list("type", flat=True)) == {
        *("openrouter", "openai", "anthropic", "together", "google")
    }
    assert LanguageModel.objects.count() > 25
    assert not LanguageModel.objects.filter(input_cost_per_million=None).exists()
    assert not LanguageModel.objects.filter(context_length=None).exists()
    assert "OpenAI: created, disabled; set OPENAI_API_KEY and seed again to enable it" in capsys.readouterr().out


def test_a_key_in_the_environment_switches_its_provider_on(monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    call_command("seed_providers")
    assert list(Provider.objects.filter(enabled=True).values_list("name", flat=True)) == ["OpenAI"]
    assert secrets.decrypt(Provider.objects.get(type="openai").key).reveal() == KEY
    assert KEY not in capsys.readouterr().out


def test_it_can_be_repeated_and_leaves_what_people_changed(capsys):
    call_command("seed_providers")
    LanguageModel.objects.filter(name="gpt-4o").update(input_cost_per_million=1)
    LanguageModel.objects.filter(name="gpt-4.1").delete()
    update_provider(by=COMMAND_LINE, provider=Provider.objects.get(type="google"), priority=1)
    count = LanguageModel.objects.count()
    capsys.readouterr()
    call_command("seed_providers")
    assert "OpenAI: completed" in (said := capsys.readouterr().out)
    assert "Google AI: kept" in said
    assert (Provider.objects.count(), LanguageModel.objects.count()) == (5, count + 1)
    assert LanguageModel.objects.get(name="gpt-4o", provider__type="openai").input_cost_per_million == 1


def test_a_key_that_comes_later_is_stored_and_one_that_is_there_stays(monkeypatch):
    call_command("seed_providers")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    call_command("seed_providers")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-another-key-of-a-test")
    call_command("seed_providers")
    provider = Provider.objects.get(type="anthropic")
    assert (provider.enabled, secrets.decrypt(provider.key).reveal()) == (True, KEY)


def test_reset_recreates_only_these():
    call_command("seed_providers")
    other = make_provider(name="Ours")
    LanguageModel.objects.filter(name="gpt-4o").update(input_cost_per_million=1)
    call_command("seed_providers", reset=True)
    assert Provider.objects.filter(pk=other.pk).exists()
    assert LanguageModel.objects.get(name="gpt-4o", provider__type="openai").input_cost_per_million == 2.5


def test_reset_refuses_while_a_group_uses_them_and_names_it():
    call_command("seed_providers")
    make_group(name="chat", models=[LanguageModel.objects.filter(provider__type="google")[0]])
    before = set(Provider.objects.values_list("pk", flat=True))
    with pytest.raises(CommandError, match="chat"):
        call_command("seed_providers", reset=True)
    assert set(Provider.objects.values_list("pk", flat=True)) == before


def test_a_provider_of_another_type_that_has_the_name_is_left_alone(capsys):
    mine = make_provider(name="openai", type="custom")
    call_command("seed_providers", reset=True)
    assert Provider.objects.get(pk=mine.pk).models.count() == 0
    assert "OpenAI: name taken by a provider of another type" in capsys.readouterr().out


def test_a_key_that_cannot_be_one_is_a_clear_error(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ключ-0123456789")
    with pytest.raises(CommandError, match="ASCII"):
        call_command("seed_providers")
    assert not Provider.objects.exists()
