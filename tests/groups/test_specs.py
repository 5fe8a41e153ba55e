"""Rows -> the engine's input."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet

from engine.spec import HedgePolicy, RetryPolicy, StickyPolicy, Strategy
from groups.models import RoutingGroup
from groups.specs import active_specs, callable_models, spec_of, spec_of_model
from providers.actions import rotate_keys
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
KEY = "sk-0123456789abcdef"


def stored(group: RoutingGroup) -> RoutingGroup:
    return RoutingGroup.objects.with_credentials().get(pk=group.pk)


def test_everything_the_engine_needs_is_there():
    provider = make_provider(name="Nebius", type="nebius", api_base="", key=KEY)
    model = make_model(
        provider=provider, name="llama", input_cost_per_million=Decimal("0.13"), output_cost_per_million=Decimal("0.4")
    )
    group = make_group(name="chat", strategy="priority-failover", models=[model], retry_config={"num_retries": 0})
    spec = spec_of(stored(group))
    assert (spec.group_id, spec.name, spec.strategy) == (str(group.id), "chat", Strategy.PRIORITY_FAILOVER)
    assert (spec.retry.num_retries, spec.revision) == (0, 1)
    deployment = spec.deployments[0]
    assert (deployment.deployment_id, deployment.name, deployment.provider) == (str(model.id), "llama", "Nebius")
    assert (deployment.provider_type, deployment.upstream_model) == ("nebius", "llama")
    assert deployment.api_base == "https://api.studio.nebius.ai/v1"
    assert deployment.api_key is not None
    assert deployment.api_key.reveal() == KEY
    assert deployment.input_cost_per_token_usd == pytest.approx(0.13e-6)
    assert KEY not in repr(spec)


def test_prices_nobody_knows_are_none_and_custom_is_openai():
    deployment = spec_of(stored(make_group(models=[make_model()]))).deployments[0]
    assert (deployment.input_cost_per_token_usd, deployment.api_key, deployment.provider_type) == (None, None, "openai")
    assert deployment.api_base == "https://llm.example.com/v1"


def test_what_a_deployment_holds_and_takes_at_once_is_there():
    group = make_group(models=[make_model(context_length=8192)])
    group.deployments.update(max_parallel=3, max_wait_s=1.5)
    deployment = spec_of(stored(group)).deployments[0]
    assert (deployment.context_tokens, deployment.max_parallel, deployment.max_wait_s) == (8192, 3, 1.5)


def test_what_the_prompt_cache_costs_and_whose_own_key_it_takes_are_there():
    model = make_model(cached_input_cost_per_million=Decimal("0.3"), cache_write_cost_per_million=Decimal("3.75"))
    deployment = spec_of(stored(make_group(models=[model]))).deployments[0]
    prices = (deployment.cached_input_cost_per_token_usd, deployment.cache_write_cost_per_token_usd)
    assert prices == pytest.approx((0.3e-6, 3.75e-6))
    assert deployment.provider_id == str(model.provider_id)


def test_a_group_may_ask_upstream_for_streams():
    asks, does_not = make_group(settings={"stream_upstream": True}), make_group(settings={"stream_upstream": False})
    assert [spec_of(stored(group)).streams_upstream for group in (asks, does_not)] == [True, False]


def test_a_group_says_what_happens_with_parameters_that_a_deployment_can_not_take():
    rules = [{}, {"unsupported_params": "refuse"}, {"unsupported_params": "pass"}]
    specs = [spec_of(stored(make_group(models=[make_model()], settings=rule))) for rule in rules]
    assert [spec.deployments[0].unsupported.value for spec in specs] == ["drop", "refuse", "pass"]


def test_a_group_may_keep_conversations_in_one_place():
    keeps = make_group(settings={"sticky": {"by": "header:X-Tab", "ttl_s": 60}})
    assert spec_of(stored(keeps)).sticky == StickyPolicy("header:x-tab", 60)
    assert spec_of(stored(make_group())).sticky is None


def test_a_group_may_ask_a_second_deployment_beside_a_slow_one():
    settings = [
        {"enabled": True, "after_ms": 400, "budget": 0.2},
        {"enabled": True},
        {"enabled": False, "after_ms": 400},
    ]
    hedges = [spec_of(stored(make_group(settings={"hedge": hedge}))).hedge for hedge in settings]
    assert hedges == [HedgePolicy(400, 0.2), HedgePolicy(None, 0.05), None]
    assert spec_of(stored(make_group())).hedge is None


def test_a_deployment_is_in_the_region_that_its_provider_names():
    places = [{"aws_region_name": "eu-central-1"}, {"vertex_location": "europe-west4"}, {}]
    models = [make_model(provider=make_provider(settings=place)) for place in places]
    regions = [row.region for row in spec_of(stored(make_group(models=models))).deployments]
    assert regions == ["eu-central-1", "europe-west4", ""]


def test_what_is_disabled_is_left_out():
    off, orphan = make_model(enabled=False), make_model(provider=make_provider(enabled=False))
    assert (
        spec_of(stored(make_group(models=[off, make_model(name="on"), orphan]))).deployments[0].upstream_model == "on"
    )
    assert spec_of(stored(make_group(models=[off]))).deployments == ()


def test_a_key_that_cannot_be_read_is_the_problem_of_its_deployments_only(settings):
    broken = make_model(provider=make_provider(name="Old", key=KEY))
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    rotate_keys(is_old_lost=True)
    make_group(name="mixed", models=[broken, make_model(provider=make_provider(key=KEY))])
    first, second = active_specs()[0].deployments
    assert "Old" in (first.problem or "")
    assert first.api_key is None
    assert second.problem is None


@pytest.mark.parametrize("config", [{"num_retries": "many"}, {"nonsense": 1}, [], "x", {"timeout_s": -1}])
def test_settings_that_cannot_be_read_break_only_their_group(config):
    make_group(name="broken", models=[make_model()], retry_config=config)
    make_group(name="sound", models=[make_model()])
    broken, sound = active_specs()
    assert broken.retry == RetryPolicy()
    assert "broken" in (broken.deployments[0].problem or "")
    assert sound.deployments[0].problem is None


def test_only_active_groups_in_two_queries(django_assert_num_queries):
    make_group(is_active=False, models=[make_model()])
    for _ in range(4):
        make_group(models=[make_model(provider=make_provider(key=KEY)), make_model()])
    with django_assert_num_queries(2):
        assert len(active_specs()) == 4


def test_a_model_can_be_called_by_itself():
    model = make_model(provider=make_provider(name="Nebius"), name="meta/llama")
    make_model(provider=make_provider(enabled=False))
    make_model(enabled=False)
    assert callable_models() == {"Nebius/meta/llama": model.id}
    spec = spec_of_model(model)
    assert (spec.name, [d.upstream_model for d in spec.deployments]) == ("Nebius/meta/llama", ["meta/llama"])


@pytest.mark.parametrize(
    ("fields", "spoken"),
    [
        ({"type": "anthropic"}, {"messages"}),
        ({"type": "anthropic", "dialects": ["litellm"]}, {"litellm"}),
        ({"type": "custom", "dialects": ["chat", "messages"]}, {"chat", "messages"}),
        ({"type": "custom"}, set()),
        ({"type": "mistral"}, {"chat"}),
        ({"type": "google", "api_base": ""}, {"chat"}),
        ({"type": "google", "api_base": "https://generativelanguage.googleapis.com/v1beta/openai/"}, {"chat"}),
        ({"type": "google", "api_base": "https://gemini.example.com/v1beta"}, set()),
        ({"type": "google", "api_base": "", "dialects": ["litellm"]}, {"litellm"}),
        ({"type": "openai", "api_base": ""}, {"chat", "responses"}),
        ({"type": "openai", "api_base": "https://api.openai.com/v1/"}, {"chat", "responses"}),
        ({"type": "openai", "api_base": "https://llm.example.com/v1"}, set()),
        ({"type": "custom", "dialects": ["responses"]}, {"responses"}),
    ],
)
def test_a_deployment_speaks_the_dialects_of_its_provider_or_of_its_type(fields: dict[str, Any], spoken: set[str]):
    model = make_model(provider=make_provider(**fields))
    assert spec_of(stored(make_group(models=[model]))).deployments[0].dialects == spoken


def test_a_model_that_answers_only_in_responses_speaks_only_that():
    model = make_model(provider=make_provider(type="openai", api_base=""), name="gpt-5-pro")
    assert spec_of(stored(make_group(models=[model]))).deployments[0].dialects == {"responses"}


def test_a_group_may_rescue_streams_and_its_models_may_go_on_with_a_begun_answer():
    able, unable = make_model(capabilities=["chat", "prefill"]), make_model(capabilities=["chat"])
    spec = spec_of(stored(make_group(models=[able, unable], settings={"rescue": "auto"})))
    assert (spec.rescues, [row.prefills for row in spec.deployments]) == (True, [True, False])
    assert spec_of(stored(make_group())).rescues
    assert not spec_of(stored(make_group(settings={"rescue": "off"}))).rescues
    assert not spec_of(stored(make_group(settings={"router": "litellm"}))).rescues
