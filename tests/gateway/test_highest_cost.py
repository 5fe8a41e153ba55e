"""The most that a request may cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from access.models import NANO
from engine.allowance.purse import reachable
from engine.spec import DeploymentSpec, FallbackPolicy, GroupSpec, OwnKey, Secret, Strategy
from gateway.admission.highest_cost import TOKENS_OF_AN_IMAGE, most_nanousd

CHEAP = DeploymentSpec(
    deployment_id="cheap",
    name="cheap",
    provider="Cheap",
    provider_id="cheap",
    provider_type="custom",
    upstream_model="llama",
    input_cost_per_token_usd=0.001,
    output_cost_per_token_usd=0.01,
)
DEAR = replace(CHEAP, deployment_id="dear", provider_id="dear", output_cost_per_token_usd=0.1)
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}


def usd(body: dict[str, Any], *deployments: DeploymentSpec, size: int = 0, **own_keys: OwnKey) -> float:
    return most_nanousd(body, size, deployments, own_keys) / NANO


def test_the_dearest_deployment_counts():
    assert usd(BODY, CHEAP, DEAR) == 10
    assert usd(BODY, CHEAP) == 1


def test_the_body_counts_as_input():
    assert usd(BODY, CHEAP, size=3000) == 2


def test_several_answers_cost_as_many_times_as_much():
    assert usd({**BODY, "n": 3}, CHEAP) == 3


def test_without_a_limit_of_its_own_the_setting_counts(settings):
    settings.CREDIT_HOLD_OUTPUT_TOKENS = 50
    assert usd({"messages": BODY["messages"]}, CHEAP) == 0.5
    assert usd({"messages": BODY["messages"], "max_completion_tokens": 5}, CHEAP) == 0.05


def test_a_limit_of_nothing_is_no_limit(settings):
    settings.CREDIT_HOLD_OUTPUT_TOKENS = 50
    assert usd({**BODY, "max_tokens": -1}, CHEAP) == 0.5
    assert usd({**BODY, "max_tokens": 0, "n": 0}, CHEAP) == 0.5
    assert usd({**BODY, "max_completion_tokens": -5}, CHEAP) == 1


def test_an_image_counts_as_an_image_and_not_by_its_bytes():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 300_000}}
    body = {"messages": [{"role": "user", "content": [image]}], "max_tokens": 1}
    assert usd(body, CHEAP, size=300_100) < TOKENS_OF_AN_IMAGE * 0.001 + 0.1


def test_embeddings_have_no_output():
    assert usd({"input": "hi"}, CHEAP, size=300) == 0.1


def test_what_has_no_price_costs_nothing():
    assert usd(BODY, replace(CHEAP, output_cost_per_token_usd=None)) == 0
    assert usd(BODY) == 0


def test_a_person_s_own_key_pays_unless_it_may_fall_back():
    own = OwnKey(Secret("sk-own"), may_fall_back=False)
    assert usd(BODY, CHEAP, DEAR, dear=own) == 1
    assert usd(BODY, CHEAP, DEAR, dear=replace(own, may_fall_back=True)) == 10


def test_groups_that_a_request_may_fall_back_to_count_and_circles_end():
    first = GroupSpec("1", "first", Strategy.SIMPLE_SHUFFLE, (CHEAP,), fallback=FallbackPolicy(("second",)))
    second = GroupSpec("2", "second", Strategy.SIMPLE_SHUFFLE, (DEAR,), fallback=FallbackPolicy(("first", "gone")))
    assert reachable({"first": Named(first), "second": Named(second)}, first) == [CHEAP, DEAR]


def test_groups_that_the_caller_may_not_use_hold_nothing_back():
    first = GroupSpec("1", "first", Strategy.SIMPLE_SHUFFLE, (CHEAP,), fallback=FallbackPolicy(("second",)))
    second = GroupSpec("2", "second", Strategy.SIMPLE_SHUFFLE, (DEAR,))
    groups = {"first": Named(first), "second": Named(second)}
    assert reachable(groups, first, lambda name: name != "second") == [CHEAP]


class Named:
    """As much of a live group as is read."""

    def __init__(self, spec: GroupSpec) -> None:
        self.spec = spec


def test_units_are_held_with_the_tokens():
    ranks = replace(CHEAP, input_cost_per_token_usd=None, unit="search", cost_per_unit_usd=0.002)
    assert most_nanousd({"documents": ["x"] * 150}, 100, [ranks], {}, (2.0, "search")) == 4_000_000


def test_the_hold_is_for_the_limit_that_is_sent_upstream_and_never_for_more_than_the_model_writes(settings):
    settings.CREDIT_HOLD_OUTPUT_TOKENS = 50
    claude = replace(
        CHEAP, provider_type="anthropic", dialects=frozenset({"messages"}), upstream_model="claude-sonnet-4-5"
    )
    sent, short = replace(claude, max_output_tokens=64_000), replace(CHEAP, max_output_tokens=20)
    silent: dict[str, Any] = {"messages": []}
    told = {**silent, "max_tokens": 32_000}
    assert [usd(silent, one) for one in (sent, claude, short)] == [640, 81.92, 0.2]
    assert [usd(told, one) for one in (sent, short)] == [320, 0.2]
