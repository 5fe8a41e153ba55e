"""The usual virtual models in one go, over the models there are."""

from __future__ import annotations

import pytest

from groups.models import RoutingGroup, VirtualModel
from groups.virtual.templates import TEMPLATES, PoolTemplate, chosen_models, install_templates
from tests.factories import make_group, make_model

pytestmark = pytest.mark.django_db

NAMES = ["auto-chat", "auto-claude", "auto-codex", "chat-auto", "claude-auto", "codex-auto"]


def test_makes_three_pairs_under_two_spellings_and_their_pools(as_bob):
    make_model()
    answer = as_bob.post("/v1/virtual_models/templates")
    assert answer.status_code == 201, answer.content
    assert sorted(answer.json()["virtual_models"]) == NAMES
    assert len(answer.json()["pools"]) == RoutingGroup.objects.count() == 6
    tiers = VirtualModel.objects.get(name="claude-auto").tiers.all()
    assert [(t.minimum_score, t.pool.name) for t in tiers] == [(None, "pool-claude-haiku"), (50, "pool-claude-sonnet")]


def test_leaves_what_is_there_as_it_is(bob):
    mine = make_group(name="pool-chat-mini", models=[make_model()])
    install_templates(by=bob)
    again = install_templates(by=bob)
    assert (again.virtual_models, again.pools) == ((), ())
    assert mine.deployments.count() == 1


def test_without_a_model_it_says_what_to_do_and_makes_nothing(as_bob):
    answer = as_bob.post("/v1/virtual_models/templates")
    assert (answer.status_code, "Add a model" in str(answer.json())) == (400, True)
    assert not VirtualModel.objects.exists()


def test_pools_prefer_models_of_their_kind_then_price_and_quality():
    cheap, dear = make_model(name="a", output_cost_per_million=1), make_model(name="b", output_cost_per_million=9)
    haiku, _ = make_model(name="claude-haiku", output_cost_per_million=5), make_model(name="text-embed")
    models = [dear, cheap, haiku]
    assert chosen_models(TEMPLATES[2].small, models) == [haiku]
    assert chosen_models(PoolTemplate("small", ()), models) == [cheap, haiku, dear]
    assert chosen_models(PoolTemplate("large", (), is_large=True), models) == [dear, haiku, cheap]
