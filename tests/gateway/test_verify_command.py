"""`manage.py verify` names what can't be used, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from gateway.explain.verification import verify
from groups.models import RoutingGroup, RoutingRules, VirtualModel
from groups.virtual.actions import create_virtual_model
from groups.virtual.tiers import TierPlan
from providers.models import LanguageModel, Provider, ProviderKey
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _sound(bob: Any) -> None:
    """Two groups, one falling back to the other, a virtual model over them and an alias of it."""
    lab = make_provider(name="Lab", key="sk-of-the-lab-12345")
    make_group(name="standard", models=[make_model(provider=lab, name="large")])
    fallback = {"fallback_groups": ["standard"]}
    make_group(name="mini", models=[make_model(provider=lab, name="small")], fallback_config=fallback)
    tiers = [TierPlan(pool="mini"), TierPlan(pool="standard", minimum_score=50)]
    create_virtual_model(by=bob, name="auto-chat", tiers=tiers)
    RoutingRules.objects.create(pk=1, model_aliases={"fast": "auto-chat", "tiny": "Lab/small", "any": "mini"})


def problems(capsys: Any) -> list[str]:
    """What the command complains about; it ends with 1 if it does."""
    code: str | int = 0
    try:
        call_command("verify")
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if not line.startswith("timestamp=")]
    assert code == (1 if lines else 0)
    assert "Looked at" in said.out
    return lines


def test_a_sound_console_has_no_problem(capsys):
    assert problems(capsys) == []


def test_a_group_out_of_service_is_named_wherever_it_is_needed(capsys):
    RoutingGroup.objects.filter(name="standard").update(is_active=False)
    assert problems(capsys) == [
        "routing group mini: it falls back to standard, but it is inactive",
        "virtual model auto-chat: its tier complex leads to standard, but it is inactive",
    ]


def test_a_group_whose_models_are_switched_off_is_no_use(capsys):
    LanguageModel.objects.filter(name="small").update(enabled=False)
    found = problems(capsys)
    assert "routing group mini: no deployment can answer: small: The model is disabled." in found
    assert "alias tiny: it leads to Lab/small, which is switched off" in found
    assert sum("leads to mini" in line for line in found) == 2


def test_a_key_that_cannot_be_read_or_is_not_there_is_named_with_its_provider(capsys):
    ProviderKey.objects.update(ciphertext="written under another key")
    make_provider(name="Keyless", type="openai", api_base="")
    found = problems(capsys)
    assert any(line.startswith("provider Lab: ") for line in found)
    assert "provider Keyless: Type 'openai' needs an API key." in found


def test_an_address_that_may_not_be_called_is_a_problem(capsys, settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    Provider.objects.update(api_base="http://127.0.0.1:9/v1")
    assert any(line.startswith("provider Lab: ") for line in problems(capsys))


def test_an_alias_that_leads_nowhere_or_to_what_is_off_is_named(capsys):
    VirtualModel.objects.update(is_active=False)
    RoutingRules.objects.update(model_aliases={"fast": "auto-chat", "lost": "Lab/none", "best": "auto"})
    found = problems(capsys)
    assert "alias fast: it leads to auto-chat, which is switched off" in found
    assert len(found) == 2
    assert "lost" in found[1] or "lost" in found[0]


def test_a_group_that_is_assigned_to_keys_needs_one_that_opens(capsys):
    RoutingGroup.objects.filter(name="mini").update(assigned_key_ids=["gone"])
    assert problems(capsys) == ["routing group mini: each API key that it is assigned to is revoked, expired or gone"]


def test_what_is_switched_off_is_not_looked_at(capsys):
    make_provider(name="Off", type="openai", api_base="", enabled=False)
    make_group(name="off", is_active=False)
    assert problems(capsys) == []


def test_many_groups_take_no_more_queries(django_assert_max_num_queries):
    for number in range(5):
        make_group(name=f"more-{number}", models=[make_model(provider=make_provider(key="sk-of-the-lab-12345"))])
    with django_assert_max_num_queries(18):
        assert verify().problems == ()
