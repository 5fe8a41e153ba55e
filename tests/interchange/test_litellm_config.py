"""LiteLLM's config.yaml as other people write it: what becomes a group, and what is named with why."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError

from groups.deployments.placements import Placement
from interchange.bundle import Bundle, GroupDraft, ProviderDraft
from interchange.files import bundle_from, checked
from interchange.litellm_config import export

# References are sealed with the key of the installation, which the database confirms.
pytestmark = pytest.mark.django_db


def read(model_list: list, **rooms) -> Bundle:
    return bundle_from(checked(yaml.safe_dump({"model_list": model_list, **rooms})))[0]


def row(name: str = "chat", model: str = "openai/gpt-4o", info: dict | None = None, **params) -> dict:
    return {"model_name": name, "litellm_params": {"model": model, **params}, "model_info": info or {}}


def why(bundle: Bundle) -> str:
    return "\n".join(f"{remark.place}: {remark.why}" for remark in bundle.remarks)


def placed(group: GroupDraft) -> list[tuple]:
    return [(p.provider, p.model_name, p.priority, p.weight) for p in group.deployments]


def test_a_name_that_is_too_long_is_told_why_it_changed():
    bundle = read([row("x" * 200)])
    assert [len(group.name) for group in bundle.groups] == [120]
    assert "at most 128 characters: it is imported as 'xxx" in why(bundle)


def test_a_strategy_without_an_equal_says_that_its_group_is_left_out():
    bundle = read([row("a")], router_settings={"routing_strategy": "provider-budget-routing"})
    assert bundle.groups == ()
    assert "a: Left out: the strategy 'provider-budget-routing' has no equivalent here." in why(bundle)


def test_entries_of_one_name_become_a_group():
    (group,) = read([row(), row(model="groq/llama-3.3-70b", rpm=60)]).groups
    assert (group.name, group.strategy) == ("chat", "simple-shuffle")
    assert placed(group) == [("OpenAI", "gpt-4o", None, None), ("Groq", "llama-3.3-70b", None, None)]
    assert group.deployments[1].rpm == 60


def test_order_makes_tiers_and_those_without_one_come_last():
    (group,) = read([row(order=2), row(model="groq/a"), row(model="groq/b", order=1)]).groups
    assert group.strategy == "priority-failover"
    assert [p.priority for p in group.deployments] == [2, 3, 1]


@pytest.mark.parametrize(
    ("weights", "whole"),
    [
        ([7, 3], [7, 3]),
        ([0.7, 0.3], [7, 3]),
        ([0.125, 1], [125, 1000]),
        ([1, None], [1, 0]),
        ([3e9, 1], [1_000_000, 1]),
    ],
)
def test_weights_become_whole_and_keep_their_proportions(weights, whole):
    rows = [row(model=f"groq/{n}", **({} if w is None else {"weight": w})) for n, w in enumerate(weights)]
    (group,) = read(rows).groups
    assert (group.strategy, [p.weight for p in group.deployments]) == ("weighted", whole)


def test_the_routers_strategy_counts_and_a_routing_groups_own_before_it():
    named = [{"group_name": "quick", "models": ["b"], "routing_strategy": "latency-based-routing"}]
    router = {"routing_strategy": "least-busy", "routing_groups": named}
    groups = read([row("a"), row("b")], router_settings=router).groups
    assert {g.name: g.strategy for g in groups} == {
        "a": "least-busy",
        "b": "latency-based-routing",
        "quick": "latency-based-routing",
    }


def test_a_callable_priority_group_becomes_a_group_over_its_models():
    named = {"group_name": "best", "models": ["a", "b"], "routing_strategy": "priority"}
    router = {"routing_groups": [{**named, "model_priorities": {"a": 2, "b": 1}}]}
    groups = read([row("a"), row("b", "groq/llama")], router_settings=router).groups
    assert placed(groups[2]) == [("OpenAI", "gpt-4o", 2, None), ("Groq", "llama", 1, None)]


def test_settings_of_the_router_and_of_deployments_become_the_groups():
    router = {"num_retries": 3, "timeout": 60, "cooldown_time": 12.5, "allowed_fails": 2}
    rows = [row("a"), row("b", timeout=9, info={"cooldown_time": 0})]
    a, b = read(rows, router_settings=router).groups
    assert a.fields["retry_config"] == {"num_retries": 3}
    assert b.fields["retry_config"] == {"num_retries": 3, "timeout_s": 9}
    assert b.fields["cooldown_config"] == {"cooldown_time_s": 0, "allowed_fails": 2}


def test_fallbacks_of_all_three_kinds_in_either_room():
    router = {"fallbacks": [{"a": ["b", "c"]}], "context_window_fallbacks": [{"a": ["c"]}]}
    general = {"content_policy_fallbacks": [{"b": ["c"]}]}
    groups = read([row("a"), row("b"), row("c")], router_settings=router, litellm_settings=general).groups
    assert groups[0].config("fallback_config") == {"fallback_groups": ["b", "c"], "context_window_groups": ["c"]}
    assert groups[1].config("fallback_config") == {"content_policy_groups": ["c"]}


def test_a_name_that_no_group_may_have_becomes_a_legal_one_also_in_fallbacks():
    rows = [row("my model@v1"), row("my-model-v1"), row("plain")]
    bundle = read(rows, router_settings={"fallbacks": [{"plain": ["my model@v1"]}]})
    assert [g.name for g in bundle.groups] == ["my-model-v1-2", "my-model-v1", "plain"]
    assert bundle.groups[2].config("fallback_config") == {"fallback_groups": ["my-model-v1-2"]}
    assert "my model@v1: A group's name has letters" in why(bundle)
    assert "imported as 'my-model-v1-2'" in why(bundle)


@pytest.mark.parametrize("price", ["1.3e-07", "'1.3e-07'", "1e-7", "0.00000013", "2E-06"])
def test_a_price_is_read_in_every_spelling_and_never_taken_for_a_secret(price):
    params = f"{{model: groq/x, input_cost_per_token: {price}, output_cost_per_token: {price}}}"
    text = checked(f"model_list: [{{model_name: a, litellm_params: {params}}}]")
    assert "sealed/" not in text
    (model,) = bundle_from(text)[0].models
    assert float(model.input_cost_per_million) == pytest.approx(float(price.strip("'")) * 1e6)


def test_references_stay_references_and_tell_providers_apart():
    rows = [
        row(api_key="os.environ/OPENAI_API_KEY"),
        row(api_key="os.environ/SECOND_KEY"),
        row(api_key="sk-literal-key"),
    ]
    bundle = read(rows)
    assert [p.name for p in bundle.providers] == ["OpenAI", "OpenAI (SECOND_KEY)", "OpenAI 2"]
    assert [p.key_reference for p in bundle.providers] == ["OPENAI_API_KEY", "SECOND_KEY", ""]
    assert [p.key.reveal() if p.key else None for p in bundle.providers] == [None, None, "sk-literal-key"]


def test_an_openai_client_pointed_elsewhere_is_a_server_of_somebodys_own():
    (provider,) = read([row(api_base="https://gpu.example.com/v1/")]).providers
    assert (provider.name, provider.type, provider.api_base) == (
        "gpu.example.com",
        "custom",
        "https://gpu.example.com/v1",
    )


def test_what_a_provider_takes_beside_address_and_key_is_kept():
    azure: dict[str, Any] = {
        "api_base": "https://x.openai.azure.com",
        "api_key": "os.environ/AZURE_KEY",
        "api_version": "2025-01-01",
    }
    bundle = read([row(model="azure/gpt", **azure)])
    assert bundle.providers[0].settings == {"api_version": "2025-01-01"}
    assert "api_version" not in why(bundle)


def test_a_model_without_a_provider_is_found_as_litellm_finds_it():
    bundle = read([row(model="gpt-4o"), row(model="claude-sonnet-4-5"), row(model="my-own")])
    assert [p.type for p in bundle.providers] == ["openai", "anthropic"]
    assert "model_list[2] (chat): Its provider is not known" in why(bundle)


LEFT_OUT = {
    "wildcard": ({"name": "*", "model": "openai/*"}, "Wildcards"),
    "images": ({"info": {"mode": "image_generation"}}, "Only chat and embedding"),
    "model by reference": ({"model": "os.environ/MODEL"}, "kept in a variable (MODEL)"),
    "same model again": ({"order": 3}, "is there before"),
    "parameters": (
        {"model": "groq/x", "temperature": 0, "mock_response": "hi"},
        "Not supported, left out: mock_response.",
    ),
    "parameters of requests": (
        {"model": "groq/x", "extra_body": {}, "max_tokens": 9},
        "send them: extra_body, max_tokens.",
    ),
}


@pytest.mark.parametrize(("entry", "reason"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_has_no_equal_is_left_out_by_name(entry, reason):
    bundle = read([row(), row(**entry)])
    assert reason in why(bundle)
    assert [g.name for g in bundle.groups] == ["chat"]


def test_rooms_and_strategies_of_the_proxy_alone_are_named():
    router = {"routing_strategy": "provider-budget-routing", "redis_host": "r", "timeout": 6000}
    bundle = read(
        [row()], router_settings=router, general_settings={"master_key": "sk-1234"}, litellm_settings={"cache": 1}
    )
    assert bundle.groups == ()
    for word in ("provider-budget-routing", "redis_host", "general_settings", "cache", "from 0.01 to 3600"):
        assert word in why(bundle)
    assert "sk-1234" not in why(bundle)


WRONG = {
    "nothing": ("", "nothing in it"),
    "a word": ("hello", "mapping with a model_list"),
    "no models": ("a: 1", "model_list"),
    "models a word": ("model_list: x", "model_list: Give a list"),
    "half a surrogate": ('model_list: [{model_name: "a\\ud800", litellm_params: {model: x/y}}]', "YAML"),
    "broken": ("model_list:\n  - a: [1", "line 3, column 1: This is not valid YAML"),
    "a tag": ("model_list: !!python/object/apply:os.system [ls]", "line 1"),
    "a key twice": ("model_list: []\nmodel_list: []", "line 2, column 1: The key 'model_list' is there twice"),
    "too deep": ("[" * 100_000, "Nest no deeper"),
    "itself": ("a: &a [*a]", "may not contain itself"),
    "two documents": ("a: 1\n---\nb: 2", "not valid YAML"),
    "key in a block": ("model_list: [{model_name: a, litellm_params: {model: x/y}}]\nx: \x07", "YAML"),
    "too large": ("a" * (1024 * 1024 + 1), "larger than 1 MB"),
    "a number to the base 60": ("model_list: 1" + ":1" * 500_000, "at most 64 digits"),
    "a word with many dashes": ("model_list: " + "a-" * 500_000, "Give a list"),
    "too many keys": ("api_key: abc\n" * 10_001, "more than 10,000 keys"),
    "too many names": (
        "model_list:\n"
        + "".join(f"- {{model_name: g{n}, litellm_params: {{model: openai/m}}}}\n" for n in range(1001)),
        "at most 1,000 names",
    ),
    "a few groups of everything": (
        "model_list: [" + "{model_name: a, litellm_params: {model: openai/m}}, " * 100 + "]\n"
        "router_settings: {routing_groups: ["
        + "{group_name: b, models: [a], routing_strategy: least-busy}, " * 51
        + "]}",
        "more than 5,000 entries",
    ),
}


@pytest.mark.parametrize(("text", "reason"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_read_is_an_error_that_names_the_place(text, reason):
    with pytest.raises(ValidationError) as caught:
        bundle_from(checked(text), "litellm")
    assert reason in " ".join(caught.value.messages)
    assert len(" ".join(caught.value.messages)) < 500


WRONG_ENTRIES = {
    "a word": ("x", "model_list[0]: Give a mapping"),
    "no model": ("{model_name: a}", "model_list[0]: Give model_name"),
    "weight a word": (
        "{model_name: a, litellm_params: {model: openai/x, weight: most}}",
        "model_list[0].litellm_params.weight: Give a number",
    ),
    "order a fraction": (
        "{model_name: a, litellm_params: {model: openai/x, order: 1.5}}",
        "model_list[0].litellm_params.order: Give a whole number",
    ),
    "rpm infinite": ("{model_name: a, litellm_params: {model: openai/x, rpm: .inf}}", "rpm: Give a number"),
    "rpm nan": ("{model_name: a, litellm_params: {model: openai/x, rpm: .nan}}", "rpm: Give a number"),
    "a NUL": ('{model_name: "a\\0", litellm_params: {model: openai/x}}', "model_name: Give a text"),
    "a timestamp for a name": ("{model_name: 2024-01-01, litellm_params: {model: x/y}}", "model_name: Give a text"),
    "a variable no system has": (
        "{model_name: a, litellm_params: {model: openai/x, api_key: os.environ/my key}}",
        "api_key: Give os.environ/NAME",
    ),
}


@pytest.mark.parametrize(("entry", "reason"), WRONG_ENTRIES.values(), ids=WRONG_ENTRIES.keys())
def test_an_entry_that_cannot_be_read_costs_that_entry(entry, reason):
    bundle = bundle_from(checked(f"model_list: [{entry}, {{model_name: b, litellm_params: {{model: groq/x}}}}]"))[0]
    assert reason in why(bundle)
    assert "This entry is left out." in why(bundle)
    assert [group.name for group in bundle.groups] == ["b"]


WRONG_SETTINGS = {
    "the room a list": ({"router_settings": []}, "router_settings: Give a mapping"),
    "retries a word": ({"router_settings": {"num_retries": "many"}}, "router_settings.num_retries: Give a number"),
    "a strategy of words": ({"router_settings": {"routing_strategy": ["a"]}}, "routing_strategy: Give a text"),
    "fallbacks a word": ({"router_settings": {"fallbacks": "chat"}}, "router_settings.fallbacks: Give a list"),
    "one fallback a number": ({"litellm_settings": {"fallbacks": [{"chat": 5}]}}, "fallbacks[0].chat: Give a list"),
    "routing groups a word": ({"router_settings": {"routing_groups": "x"}}, "routing_groups: Give a list"),
    "one of them a word": ({"router_settings": {"routing_groups": ["x"]}}, "routing_groups[0]: Give a mapping"),
    "aliases a list": ({"router_settings": {"model_group_alias": ["x"]}}, "model_group_alias: Give a mapping"),
    "an alias of several": ({"router_settings": {"model_group_alias": {"x": ["chat"]}}}, "alias.x: Give a text"),
    "credentials a word": ({"credential_list": "x"}, "credential_list: Give a list"),
}


@pytest.mark.parametrize(("rooms", "reason"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS.keys())
def test_a_setting_that_cannot_be_read_costs_that_setting(rooms, reason):
    bundle = read([row()], **rooms)
    assert reason in why(bundle)
    assert [group.name for group in bundle.groups] == ["chat"]


@pytest.mark.parametrize("merge", ["", "<<: "])
def test_aliases_cannot_grow_beyond_their_text(merge):
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{{merge or 'k: '}[{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 10)]
    with pytest.raises(ValidationError, match="aliases expanded"):
        bundle_from(checked("\n".join(lines)), "litellm")


def test_aliases_people_use_are_fine():
    entry = "{model_name: a, litellm_params: {<<: *d, model: openai/m}}"
    text = f"d: &d {{api_base: https://x.example.com/v1, rpm: 5}}\nmodel_list:\n- {entry}"
    assert bundle_from(text)[0].groups[0].deployments[0].rpm == 5


def test_the_header_says_which_variables_and_what_was_lost():
    placements = (Placement(provider="My Lab", model_name="m"),)
    retry = {"stream_idle_timeout_s": 7.5, "retry_after_s": 3}
    fields = {"strategy": "simple-shuffle", "retry_config": retry, "fallback_config": {"fallback_groups": ["gone"]}}
    lab = ProviderDraft(name="My Lab", type="custom", api_base="https://x.example.com", key_reference="MY_LAB_API_KEY")
    others = GroupDraft("other", placements, {"strategy": "least-busy"})
    text = export.written(
        Bundle((GroupDraft("chat", placements, fields), others), (lab,)), left_out=["x: is inactive."]
    )
    header = text.partition("model_list:")[0]
    for words in (
        "MY_LAB_API_KEY  the API key of My Lab",
        "7.5 s",
        "retry_after_s is 3",
        "falls back to gone",
        "x: is inactive",
    ):
        assert words in header
    assert yaml.safe_load(text)["model_list"][0]["litellm_params"]["api_key"] == "os.environ/MY_LAB_API_KEY"


def test_default_fallbacks_are_those_of_groups_that_have_none():
    general = {"fallbacks": [{"a": ["b"]}], "default_fallbacks": ["c", "b"]}
    groups = read([row("a"), row("b"), row("c"), row("d")], litellm_settings=general).groups
    assert {g.name: g.config("fallback_config").get("fallback_groups") for g in groups} == {
        "a": ["b"],
        "b": ["c"],
        "c": ["b"],
        "d": ["c", "b"],
    }


def test_fallbacks_of_all_models_are_the_same_thing():
    groups = read([row("a"), row("b")], router_settings={"fallbacks": [{"*": ["b"]}]}).groups
    assert [g.config("fallback_config") for g in groups] == [{"fallback_groups": ["b"]}, {}]


def test_aliases_are_read_in_both_spellings_and_followed_by_fallbacks():
    aliases = {"gpt-4": "chat model", "quick": {"model": "b", "hidden": True}}
    router = {"model_group_alias": aliases, "fallbacks": [{"b": ["gpt-4"]}]}
    bundle = read([row("chat model"), row("b")], router_settings=router)
    assert bundle.aliases == {"gpt-4": "chat-model", "quick": "b"}
    assert bundle.groups[1].config("fallback_config") == {"fallback_groups": ["chat-model"]}
    assert "router_settings.model_group_alias.quick: Not supported, left out: hidden." in why(bundle)


def test_fallbacks_of_a_name_that_no_entry_has_are_named():
    bundle = read([row("a")], router_settings={"fallbacks": [{"typo": ["a"]}]})
    assert "fallbacks: Left out, because no entry with this name is imported: typo." in why(bundle)


def test_retries_for_each_kind_of_error_are_named():
    bundle = read([row()], router_settings={"retry_policy": {"TimeoutErrorRetries": 3}})
    assert "router_settings.retry_policy: Retries for each kind of error are left out" in why(bundle)


def test_limits_on_the_entry_count_and_a_weight_there_is_named():
    entry = {**row(), "rpm": 5, "tpm": 700, "weight": 3}
    bundle = read([entry])
    assert [(p.rpm, p.tpm, p.weight) for p in bundle.groups[0].deployments] == [(5, 700, None)]
    assert "model_list[0] (chat): Not supported, left out: weight." in why(bundle)


def test_prices_of_the_cache_and_the_limit_are_taken_over_from_both_rooms():
    info = {"cache_read_input_token_cost": 1e-7, "max_input_tokens": 128_000}
    (model,) = read([row(info=info, input_cost_per_token="2e-6", cache_creation_input_token_cost=3e-6)]).models
    prices = {name: float(price) for name, price in model.prices.items()}
    assert prices == {
        "input_cost_per_million": 2,
        "cached_input_cost_per_million": 0.1,
        "cache_write_cost_per_million": 3,
    }
    assert model.context_length == 128_000


def test_a_base_model_says_what_the_file_does_not():
    azure = {"api_base": "https://x.openai.azure.com", "api_key": "os.environ/K"}
    (model,) = read([row(model="azure/of-our-own", info={"base_model": "azure/gpt-4o"}, **azure)]).models
    assert float(model.input_cost_per_million or 0) == 2.5
    assert model.context_length == 128_000


def test_a_model_that_is_listed_under_a_part_of_a_vendor_is_the_vendors():
    bundle = read([row(model="gemini-2.5-flash", vertex_location="europe-west4")])
    assert [(p.type, p.settings) for p in bundle.providers] == [("vertex_ai", {"vertex_location": "europe-west4"})]


def test_a_model_for_pictures_is_left_out_when_the_price_map_says_so():
    assert "Only chat and embedding" in why(read([row(), row(model="openai/gpt-image-1")]))


def test_an_openai_client_pointed_at_a_vendor_is_that_vendor():
    entry = row(
        model="openai/deepseek/deepseek-r1",
        api_base="https://openrouter.ai/api/v1",
        api_key="os.environ/OPENROUTER_API_KEY",
    )
    (provider,) = read([entry]).providers
    assert (provider.type, provider.name) == ("openrouter", "OpenRouter")


def test_a_credential_without_a_name_costs_itself():
    bundle = read([row("a")], credential_list=[{"credential_values": {"api_base": "x"}}])
    assert [group.name for group in bundle.groups] == ["a"]
    assert "It has no credential_name." in why(bundle)


def test_an_empty_setting_of_the_router_does_not_hide_the_other_rooms():
    said = {"fallbacks": [{"a": ["b"]}]}
    bundle = read([row("a"), row("b")], router_settings={"fallbacks": []}, litellm_settings=said)
    assert bundle.groups[0].config("fallback_config") == {"fallback_groups": ["b"]}


def test_a_variable_with_countless_spaces_is_read_at_once():
    bundle = read([row("a", api_base=f"os.environ/a{' ' * 200_000}b"), row("c")])
    assert [group.name for group in bundle.groups] == ["c"]
