"""The providers that a model called by its own name falls back to, and what the power levels know of groups."""

from __future__ import annotations

from decimal import Decimal

import pytest

from groups.models import RoutingRules
from groups.routing_rules.alias_targets import resolved
from groups.routing_rules.chain import providers_of, spec_with_chain
from groups.routing_rules.facts import all_pools
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db


def chain(*entries: str) -> None:
    RoutingRules.objects.update_or_create(pk=1, defaults={"fallback_providers": [*entries]})


def names(spec) -> list[tuple[str, int | None]]:
    return [(d.provider, d.priority) for d in spec.deployments]


def test_without_a_chain_a_model_is_alone():
    model = make_model(provider=make_provider(name="OpenAI"), name="gpt-4o")
    assert names(spec_with_chain(model)) == [("OpenAI", 1)]


def test_the_same_model_elsewhere_stands_in_in_the_order_of_the_chain():
    first, second, third = (make_provider(name=name) for name in ("OpenAI", "Azure", "OpenRouter"))
    model = make_model(provider=first, name="gpt-4o")
    for provider, name in ((second, "gpt-4o"), (second, "my-gpt-4o"), (third, "openai/GPT-4o")):
        make_model(provider=provider, name=name)
    chain("openrouter", str(second.pk))
    assert names(spec_with_chain(model)) == [("OpenAI", 1), ("OpenRouter", 2), ("Azure", 3)]


@pytest.mark.parametrize("off", [{"enabled": False}, {"auto_fallback": False}])
def test_providers_that_take_no_fallbacks_are_passed_over(off):
    model = make_model(name="gpt-4o")
    make_model(provider=make_provider(name="Azure", **off), name="gpt-4o")
    chain("azure")
    assert len(spec_with_chain(model).deployments) == 1


def test_a_type_means_all_its_providers_and_nobody_is_there_twice():
    west, east = make_provider(name="West", type="azure"), make_provider(name="East", type="azure")
    assert providers_of(["east", "azure", "gone"]) == [east, west]


def test_aliases_find_models_by_name_or_type_of_the_provider_in_any_case():
    make_model(provider=make_provider(name="My OpenAI", type="openai"), name="gpt-4o")
    aliases = {"a": "My OpenAI/gpt-4o", "b": "my openai/gpt-4o", "c": "openai/gpt-4o", "d": "openai/none"}
    assert resolved(aliases) == dict.fromkeys("abc", "My OpenAI/gpt-4o")


def test_a_group_is_known_by_those_who_usually_answer():
    def priced(usd, **more):
        return make_model(input_cost_per_million=Decimal(usd), output_cost_per_million=Decimal(usd), **more)

    cheap, dear = priced(1, quality=40), priced(3, quality=80)

    def in_levels(**fields):
        return make_group(settings={"in_power_levels": True}, **fields)

    in_levels(name="ordered", strategy="priority-failover", models=[cheap, dear])
    in_levels(name="shuffled", models=[cheap, dear])
    in_levels(name="cheapest", strategy="cost-based-routing", models=[dear, cheap])
    in_levels(name="vectors", models=[make_model(name="text-embedding-3")])
    in_levels(name="nobody")
    in_levels(name="off", models=[cheap], is_active=False)
    make_group(name="new", models=[cheap])
    pools = {p.name: (p.price_usd, p.latency_ms, p.quality) for p in all_pools({str(cheap.pk): 250.0})}
    assert pools == {"ordered": (1, 250, 40), "shuffled": (2, 250, 60), "cheapest": (1, 250, 40)}
