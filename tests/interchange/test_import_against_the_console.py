"""A file against what is here already: a dry run says what the real run does, and one bad thing costs that thing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from groups.models import RoutingGroup, RoutingRules
from groups.specs import spec_of_model
from providers.models import LanguageModel, Provider
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
IMPORT = "/v1/routing_group/import"
PLACE = {"provider": "Lab", "model_name": "llama"}


def group_of(name: str, **more: Any) -> dict[str, Any]:
    return {"routing_group_name": name, "routing_strategy": "simple-shuffle", "deployments": [PLACE], **more}


def file_of(*groups: dict[str, Any], **more: Any) -> str:
    lab = {"name": "Lab", "type": "custom", "api_base": "https://lab.example.com/v1"}
    return json.dumps({"providers": [lab], "routing_groups": list(groups), **more})


def run(client, content: str) -> dict[str, Any]:
    """What both runs say of a file; they must say the same."""
    dry, real = (client.post(IMPORT, {"content": content, "dry_run": is_dry}) for is_dry in (True, False))
    assert (dry.status_code, real.status_code) == (200, 200), (dry.content, real.content)
    said = {part: lines for part, lines in real.json().items() if part != "dry_run"}
    assert {part: lines for part, lines in dry.json().items() if part != "dry_run"} == said
    return said


def skipped(report: dict[str, Any]) -> dict[str, str]:
    return {line["name"]: line["why"] for line in report["skipped"]}


def fall_back(*names: str) -> dict[str, Any]:
    return {"fallback_config": {"fallback_groups": list(names)}}


def test_a_name_that_means_something_else_here_costs_that_group(as_alice):
    RoutingRules.objects.create(pk=1, model_aliases={"quick": "auto"})
    report = run(as_alice, file_of(group_of("quick"), group_of("auto"), group_of("fine")))
    assert "An alias of this name" in skipped(report)["quick"]
    assert "power level" in skipped(report)["auto"]
    assert [g.name for g in RoutingGroup.objects.all()] == ["fine"]


def test_a_fallback_to_a_skipped_group_costs_that_fallback(as_alice):
    report = run(as_alice, file_of(group_of("auto"), group_of("a", **fall_back("auto", "b")), group_of("b")))
    assert "Its fallback to auto is left out" in skipped(report)["a"]
    assert RoutingGroup.objects.get(name="a").fallback_config == {"fallback_groups": ["b"]}


def test_a_circle_with_groups_that_are_here_is_cut_once(as_alice):
    here = make_model(provider=make_provider(name="Lab", type="custom"), name="llama")
    make_group(name="b", models=[here])
    make_group(name="a", models=[here], fallback_config={"fallback_groups": ["b"]})
    report = run(as_alice, file_of(group_of("b", **fall_back("a"))))
    assert skipped(report)["b"] == "Its fallback to a is left out: it closes a circle, b → a → b."
    assert RoutingGroup.objects.get(name="b").fallback_config == {}


def test_a_group_that_turns_a_fallback_around_is_no_circle(as_alice):
    here = make_model(provider=make_provider(name="Lab", type="custom"), name="llama")
    make_group(name="b", models=[here])
    make_group(name="a", models=[here], fallback_config={"fallback_groups": ["b"]})
    run(as_alice, file_of(group_of("b", **fall_back("a")), group_of("a")))
    assert RoutingGroup.objects.get(name="b").fallback_config == {"fallback_groups": ["a"]}


def test_a_provider_spelled_in_two_ways_is_added_once(as_alice):
    again = {**PLACE, "provider": "LAB", "model_name": "qwen"}
    run(as_alice, file_of(group_of("a", deployments=[PLACE, again])))
    assert [p.name for p in Provider.objects.all()] == ["Lab"]
    assert LanguageModel.objects.count() == 2


def test_a_numbered_name_is_not_given_twice(as_alice):
    make_provider(name="OpenAI", type="openai", api_base="https://elsewhere.example.com/v1")
    named = "model_info: {routing_console: {provider: 'OpenAI #2'}}"
    entries = (
        f"{{model_name: a, litellm_params: {{model: openai/gpt-4o, api_key: sk-a}}, {named}}}",
        "{model_name: b, litellm_params: {model: openai/gpt-4o, api_key: sk-b}}",
    )
    run(as_alice, f"model_list: [{', '.join(entries)}]")
    assert {p.name for p in Provider.objects.all()} == {"OpenAI", "OpenAI #2", "OpenAI #3"}


def test_a_price_that_no_catalog_holds_costs_that_model(as_alice):
    entry = "{{model_name: {0}, litellm_params: {{model: groq/{0}, input_cost_per_token: {1}}}}}"
    report = run(as_alice, f"model_list: [{entry.format('a', 100)}, {entry.format('b', '1e-7')}]")
    assert "The model 'a' can't be added" in skipped(report)["a"]
    assert [g.name for g in RoutingGroup.objects.all()] == ["b"]


def test_a_literal_key_that_a_stored_one_replaces_is_said(as_alice):
    make_provider(name="My OpenAI", type="openai", api_base="", key="sk-stored-here")
    content = "model_list: [{model_name: chat, litellm_params: {model: openai/gpt-4o, api_key: sk-of-the-file}}]"
    report = run(as_alice, content)
    assert skipped(report)["OpenAI"] == (
        "The key in the file is not used: the provider 'My OpenAI' keeps the one it has."
    )
    assert "sk-of" not in json.dumps(report)


def test_the_same_key_replaces_nothing(as_alice):
    make_provider(name="My OpenAI", type="openai", api_base="", key="sk-stored-here")
    content = "model_list: [{model_name: chat, litellm_params: {model: openai/gpt-4o, api_key: sk-stored-here}}]"
    assert "OpenAI" not in skipped(run(as_alice, content))


def test_prices_that_the_catalog_keeps_are_said(as_alice):
    make_model(provider=make_provider(name="Lab", type="custom"), name="llama", input_cost_per_million=1)
    models = [{"provider": "Lab", "name": "llama", "input_cost_per_million": 2.5}]
    report = run(as_alice, file_of(group_of("a"), models=models))
    assert "The catalog here has other prices" in skipped(report)["Lab/llama"]
    assert LanguageModel.objects.get().input_cost_per_million == 1


def test_an_entry_whose_model_can_not_be_had_costs_that_deployment(as_bob):
    make_model(provider=make_provider(name="OpenAI", type="openai", api_base="", key="sk-x"), name="gpt-4o")
    entry = "{{model_name: chat, litellm_params: {{model: {}}}}}"
    report = run(as_bob, f"model_list: [{entry.format('openai/gpt-4o')}, {entry.format('groq/x')}]")
    assert "A deployment is left out: It needs the provider 'Groq'" in skipped(report)["chat"]
    assert RoutingGroup.objects.get().deployments.count() == 1


ALIASES = """
model_list: [{model_name: chat, litellm_params: {model: groq/llama}}]
router_settings: {model_group_alias: {gpt-4: chat, auto: chat, old: chat, here: chat, lost: nobody, "a b": chat}}
"""


def test_aliases_become_those_of_the_routing_rules(as_alice):
    make_group(name="there", models=[make_model()])
    RoutingRules.objects.create(pk=1, model_aliases={"old": "there"})
    report = run(as_alice, ALIASES.replace("here: chat, ", "there: chat, "))
    assert RoutingRules.objects.current().model_aliases == {"old": "there", "gpt-4": "chat"}
    assert {"kind": "alias", "name": "gpt-4", "why": "leads to chat", "changes": []} in report["created"]
    said = skipped(report)
    assert said["old"] == "This alias of chat is left out: here it leads to there."
    assert "a routing group has this name" in said["there"]
    assert "power level" in said["auto"]
    assert "leads to no routing group" in said["lost"]
    assert "letters, digits" in said["a b"]


def test_aliases_that_are_here_change_nothing(as_alice):
    as_alice.post(IMPORT, {"content": ALIASES, "dry_run": False})
    revision = RoutingRules.objects.current().revision
    report = run(as_alice, ALIASES)
    assert ("alias", "gpt-4") in [(line["kind"], line["name"]) for line in report["unchanged"]]
    assert RoutingRules.objects.current().revision == revision


def test_a_bad_row_of_our_own_format_costs_that_row(as_alice):
    bad = group_of("bad", routing_strategy="best")
    report = run(as_alice, file_of(bad, group_of("fine"), models=[{"provider": "Lab"}], extra=1))
    assert [g.name for g in RoutingGroup.objects.all()] == ["fine"]
    said = skipped(report)
    assert said["routing_groups[0].routing_strategy"].endswith("It is left out.")
    assert said["models[0].name"].endswith("It is left out.")
    assert said["the file"] == "Not known, left out: extra."


GOOGLES = """
model_list:
  - model_name: gemini-3-pro-preview
    litellm_params:
      model: gemini/gemini-3-pro-preview
      api_key: os.environ/GEMINI_API_KEY
  - model_name: flash
    litellm_params:
      model: gemini/gemini-2.5-flash
      api_base: https://generativelanguage.googleapis.com/v1beta
      api_key: os.environ/GEMINI_API_KEY
  - model_name: flash
    litellm_params:
      model: openai/gemini-2.0-flash
      api_base: https://generativelanguage.googleapis.com/v1beta/openai/
      api_key: os.environ/GEMINI_API_KEY
  - model_name: vectors
    litellm_params:
      model: gemini/gemini-embedding-001
      api_key: os.environ/GEMINI_API_KEY
  - model_name: in-the-cloud
    litellm_params:
      model: vertex_ai/gemini-2.5-pro
      vertex_project: a-project
      vertex_location: europe-west4
"""


def test_models_of_google_in_a_litellm_config_are_called_directly_by_one_new_provider(as_alice):
    """The first entry is that of LiteLLM's own page about Gemini 3; the others are other ways to write it."""
    run(as_alice, GOOGLES)
    providers = Provider.objects.values_list("type", "api_base", "dialects")
    assert sorted(providers) == [("google", "", []), ("vertex_ai", "", [])]
    spoken = {model.name: spec_of_model(model).deployments[0].dialects for model in LanguageModel.objects.all()}
    names = ("gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.0-flash", "gemini-embedding-001")
    assert spoken == {name: {"chat"} for name in names} | {"gemini-2.5-pro": set()}


@pytest.mark.parametrize("api_base", ["", "https://generativelanguage.googleapis.com/v1beta/openai"])
def test_a_provider_of_google_that_stays_on_litellm_gets_the_models_of_a_file_there(as_alice, api_base):
    make_provider(name="Google AI", type="google", api_base=api_base, dialects=["litellm"])
    run(as_alice, GOOGLES.replace("      api_key: os.environ/GEMINI_API_KEY\n", ""))
    google = Provider.objects.get(type="google")
    assert (google.dialects, google.models.count()) == (["litellm"], 4)
