"""Every change of providers and models is on record, without secrets."""

from __future__ import annotations

import pytest
from auditlog.models import LogEntry

from access.keys import COMMAND_LINE
from providers import actions
from providers.models import LanguageModel, Provider
from tests.factories import make_model, make_provider

pytestmark = pytest.mark.django_db
KEY = "sk-or-v1-0123456789abcdef1234"


def newest() -> LogEntry:
    return LogEntry.objects.order_by("-id")[0]


def test_a_new_provider_with_its_models_and_its_key():
    actions.create_provider(by=COMMAND_LINE, type="openai", api_key=KEY, models=["gpt-4o", "gpt-4o-mini"])
    entry = newest()
    assert (entry.action, entry.object_repr, entry.additional_data) == (
        LogEntry.Action.CREATE,
        "OpenAI",
        {"by": "command-line"},
    )
    assert (
        entry.changes.items()
        >= {
            "type": ["", "openai"],
            "api_key": ["", "set"],
            "models": ["", "gpt-4o, gpt-4o-mini"],
        }.items()
    )


def test_a_changed_provider_says_what_was_and_what_is():
    provider = make_provider(type="openai", key=KEY, name="Ours")
    make_model(provider=provider, name="old")
    actions.update_provider(by=COMMAND_LINE, provider=provider, priority=3, api_key=f"{KEY}5678", models=["new"])
    assert newest().changes == {
        "priority": ["50", "3"],
        "api_key": ["set", "replaced"],
        "model new": ["", "added"],
        "model old": ["there", "removed"],
    }
    actions.update_provider(by=COMMAND_LINE, provider=provider, api_key="", enabled=False)
    assert newest().changes == {"enabled": ["True", "False"], "api_key": ["set", "removed"]}


def test_a_change_that_changed_nothing_leaves_no_trace():
    provider, model = make_provider(key=KEY), make_model()
    actions.update_provider(by=COMMAND_LINE, provider=provider, priority=50, api_key=provider.key.hint)
    actions.update_model(by=COMMAND_LINE, model=model, display_name="")
    assert not LogEntry.objects.exists()


def test_models_too_from_the_first_to_the_last():
    provider = make_provider(type="openai", name="OpenAI")
    model = actions.create_model(by=COMMAND_LINE, provider=provider, name="gpt-4o")
    assert (newest().object_repr, newest().changes["input_cost_per_million"]) == ("OpenAI/gpt-4o", ["", "2.5"])
    actions.update_model(by=COMMAND_LINE, model=model, quality=80)
    assert newest().changes == {"quality": ["", "80"]}
    actions.delete_model(by=COMMAND_LINE, model=model)
    assert (newest().action, newest().changes["name"]) == (LogEntry.Action.DELETE, ["gpt-4o", ""])


def test_accepted_prices_and_a_deleted_provider():
    provider = make_provider(type="openai")
    model = actions.create_model(by=COMMAND_LINE, provider=provider, name="gpt-4o")
    LanguageModel.objects.update(
        input_cost_per_million=1, catalog_entry={**model.catalog_entry, "input_cost_per_million": "1"}
    )
    actions.accept_catalog_updates(by=COMMAND_LINE, ids=[model.pk])
    assert [float(part) for part in newest().changes["input_cost_per_million"]] == [1, 2.5]
    actions.delete_provider(by=COMMAND_LINE, provider=Provider.objects.get())
    assert newest().changes["type"] == ["openai", ""]
