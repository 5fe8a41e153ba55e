"""`/v1/routing_group/export` and `/import`."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from groups.models import RoutingGroup
from providers import config_version, secrets
from providers.models import LanguageModel, Provider, ProviderKey
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
EXPORT, IMPORT = "/v1/routing_group/export", "/v1/routing_group/import"
CONFIG = """
model_list:
  - {model_name: chat, litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY, order: 1}}
  - {model_name: chat, litellm_params: {model: groq/llama-3.3-70b-versatile, api_key: sk-secret-of-groq, order: 2}}
router_settings: {timeout: 30, cooldown_time: 5}
"""


@pytest.fixture
def group(db):
    provider = make_provider(name="Nebius", type="nebius", api_base="", key="sk-secret-of-nebius")
    return make_group(
        name="chat",
        strategy="priority-failover",
        models=[make_model(provider=provider, name=name) for name in ("llama", "qwen")],
        retry_config={"timeout_s": 9},
    )


def send(client, content: str, **more):
    return client.post(IMPORT, {"content": content, **more})


def names(answer, part: str) -> list[tuple[str, str]]:
    return [(line["kind"], line["name"]) for line in answer.json()[part]]


def test_json_is_a_file_of_names_without_ids_and_keys(as_charlie, group):
    answer = as_charlie.get(EXPORT)
    assert answer["Content-Disposition"] == 'attachment; filename="routing-groups.json"'
    (exported,) = answer.json()["routing_groups"]
    assert (exported["routing_group_name"], exported["retry_config"]) == ("chat", {"timeout_s": 9})
    assert [(d["provider"], d["model_name"], d["priority"]) for d in exported["deployments"]] == [
        ("Nebius", "llama", 1),
        ("Nebius", "qwen", 2),
    ]
    assert str(group.id) not in answer.content.decode()
    assert "sk-secret" not in answer.content.decode()


def test_litellm_is_yaml_with_references_for_keys(as_charlie, group):
    answer = as_charlie.get(f"{EXPORT}?format=litellm")
    assert answer["Content-Disposition"] == 'attachment; filename="config.yaml"'
    first = yaml.safe_load(answer.content)["model_list"][0]
    params = {
        "model": "nebius/llama",
        "api_key": "os.environ/NEBIUS_API_KEY",
        "order": 1,
        "timeout": 9,
        "stream_timeout": 9,
    }
    assert (first["model_name"], first["litellm_params"]) == ("chat", params)
    assert "sk-secret" not in answer.content.decode()


def test_litellm_leaves_out_what_takes_no_traffic_and_says_so(as_charlie, group):
    LanguageModel.objects.filter(name="qwen").update(enabled=False)
    make_group(name="asleep", models=[make_model()], is_active=False)
    text = as_charlie.get(f"{EXPORT}?format=litellm").content.decode()
    assert len(yaml.safe_load(text)["model_list"]) == 1
    assert "# " in text
    assert "chat: Nebius/qwen is disabled." in text
    assert "asleep: is inactive." in text


def test_ids_choose_groups(as_charlie, group):
    make_group(name="other", models=[make_model()])
    answer = as_charlie.get(f"{EXPORT}?ids={group.id}")
    assert [g["routing_group_name"] for g in answer.json()["routing_groups"]] == ["chat"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=xml", "format"),
        ("format=", "format"),
        ("ids=x", "ids"),
        ("ids=00000000-0000-4000-8000-000000000000", "ids"),
    ],
)
def test_a_bad_export_query_is_400_and_names_the_parameter(as_charlie, query, field):
    answer = as_charlie.get(f"{EXPORT}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_a_dry_run_tells_all_and_writes_nothing(as_alice):
    version = config_version.current()
    answer = send(as_alice, CONFIG)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["dry_run"], answer.json()["format"]) == (True, "litellm")
    assert names(answer, "created") == [
        ("group", "chat"),
        ("provider", "OpenAI"),
        ("provider", "Groq"),
        ("model", "OpenAI/gpt-4o"),
        ("model", "Groq/llama-3.3-70b-versatile"),
    ]
    assert "switched off: needs a key: OPENAI_API_KEY" in answer.content.decode()
    assert (RoutingGroup.objects.count(), Provider.objects.count(), config_version.current()) == (0, 0, version)
    assert "sk-secret" not in answer.content.decode()


def test_an_import_creates_providers_models_and_groups(as_alice):
    assert send(as_alice, CONFIG, dry_run=False).status_code == 200
    (group,) = RoutingGroup.objects.with_deployments()
    assert (group.strategy, group.retry_config, group.cooldown_config) == (
        "priority-failover",
        {"timeout_s": 30, "first_token_timeout_s": 30},
        {"cooldown_time_s": 5},
    )
    assert [(str(d.model), d.priority) for d in group.deployments.all()] == [
        ("OpenAI/gpt-4o", 1),
        ("Groq/llama-3.3-70b-versatile", 2),
    ]
    assert LanguageModel.objects.get(name="gpt-4o").input_cost_per_million


def test_a_reference_waits_for_its_key_and_a_key_is_encrypted(as_alice):
    send(as_alice, CONFIG, dry_run=False)
    waiting = Provider.objects.get(name="OpenAI")
    assert (waiting.enabled, waiting.error, hasattr(waiting, "key")) == (False, "Needs a key: OPENAI_API_KEY.", False)
    key = ProviderKey.objects.get(provider__name="Groq")
    assert "sk-secret" not in key.ciphertext
    assert secrets.decrypt(key).reveal() == "sk-secret-of-groq"


@pytest.mark.parametrize("file_format", ["json", "litellm"])
def test_what_was_exported_changes_nothing_when_imported(as_alice, group, file_format):
    content = as_alice.get(f"{EXPORT}?format={file_format}").content.decode()
    answer = send(as_alice, content, format=file_format, dry_run=False)
    assert names(answer, "unchanged") == [("group", "chat")]
    assert [answer.json()[part] for part in ("created", "changed", "skipped")] == [[], [], []]
    assert RoutingGroup.objects.get().revision == 1


def test_another_console_gets_what_is_spoken_with_a_provider_and_a_model(as_alice):
    said: dict[str, Any] = {
        "dialects": ["chat"],
        "extra_headers": {"X-Title": "shop"},
        "extra_body": {"safe_prompt": True},
    }
    words = {"limit_name": "max_tokens", "system_role": "developer"}
    provider = make_provider(name="Lab", **said)
    make_group(name="chat", models=[make_model(provider=provider, name="m", **words)])
    exported = as_alice.get(EXPORT).content.decode()
    for rows in (RoutingGroup, LanguageModel, Provider):
        rows.objects.all().delete()
    assert send(as_alice, exported, dry_run=False).status_code == 200
    assert Provider.objects.values(*said).get() == said
    assert LanguageModel.objects.values(*words).get() == words


def test_a_file_may_not_hold_extras_that_nobody_could_set(as_alice, group):
    lab = {"name": "Lab", "type": "custom", "api_base": "https://llm.example.com/v1", "extra_headers": {"Host": "x"}}
    deployments = [{"provider": "Lab", "model_name": "m"}]
    rows = [{"routing_group_name": "g", "routing_strategy": "simple-shuffle", "deployments": deployments}]
    answer = send(as_alice, json.dumps({"providers": [lab], "routing_groups": rows}), dry_run=False)
    assert "'Host' can't be set here" in answer.content.decode()
    assert not Provider.objects.filter(name="Lab").exists()


@pytest.mark.parametrize("file_format", ["json", "litellm"])
def test_a_first_token_that_may_be_late_is_limited_by_an_import_and_said(as_alice, file_format):
    provider = make_provider(name="Lab", key="sk-of-the-lab-0123456789")
    old = {"timeout_s": 5, "first_token_timeout_s": 9}
    make_group(name="chat", models=[make_model(provider=provider, name="m")], retry_config=old)
    content = as_alice.get(f"{EXPORT}?format={file_format}").content.decode()
    assert names(send(as_alice, content, dry_run=False), "changed") == []
    RoutingGroup.objects.all().delete()
    answer = send(as_alice, content, dry_run=False)
    assert names(answer, "created")[0] == ("group", "chat")
    assert "first token may take 5 s here" in answer.content.decode()
    assert RoutingGroup.objects.get().retry_config == {"timeout_s": 5, "first_token_timeout_s": 5}


def test_our_litellm_export_of_a_cost_based_group_can_be_imported_again(as_alice):
    models = [make_model(input_cost_per_million=0.13, output_cost_per_million=0.4)]
    make_group(name="cheap", strategy="cost-based-routing", models=models)
    content = as_alice.get(f"{EXPORT}?format=litellm").content.decode()
    assert "1.3e-07" in content
    answer = send(as_alice, content, format="litellm")
    assert answer.status_code == 200, answer.content
    assert names(answer, "unchanged") == [("group", "cheap")]


def test_another_console_gets_the_same_groups(as_alice, group):
    content = as_alice.get(EXPORT).content.decode()
    before = json.loads(content)
    group.delete()
    Provider.objects.all().delete()
    answer = send(as_alice, content, dry_run=False)
    assert names(answer, "created")[:2] == [("group", "chat"), ("provider", "Nebius")]
    assert json.loads(as_alice.get(EXPORT).content) == before


def test_a_changed_group_is_shown_field_by_field_and_changed(as_bob, group):
    file = as_bob.get(EXPORT).json()
    file["routing_groups"][0] |= {"description": "new", "retry_config": {"timeout_s": 20}}
    answer = send(as_bob, json.dumps(file), dry_run=False)
    (changed,) = answer.json()["changed"]
    assert [(c["before"], c["after"]) for c in changed["changes"]] == [("none", "new"), ("9", "20")]
    assert RoutingGroup.objects.get().description == "new"


def test_an_operator_can_not_add_providers_by_the_back_door(as_bob):
    answer = send(as_bob, CONFIG, dry_run=False)
    assert answer.json()["created"] == []
    assert "an admin can add it" in answer.json()["skipped"][0]["why"]
    assert Provider.objects.count() == 0


def test_a_provider_is_found_by_where_it_is(as_bob):
    mine = make_provider(name="My OpenAI", type="openai", api_base="")
    make_model(provider=mine, name="gpt-4o")
    content = "model_list: [{model_name: chat, litellm_params: {model: gpt-4o, api_key: os.environ/SOME_KEY}}]"
    answer = send(as_bob, content, dry_run=False)
    assert names(answer, "created") == [("group", "chat")]
    assert RoutingGroup.objects.get().deployments.get().model.provider == mine


def test_fallbacks_are_made_before_the_groups_that_need_them(as_alice):
    rows = ", ".join(
        f"{{model_name: {n}, litellm_params: {{model: groq/{n}, api_key: os.environ/K_KEY}}}}" for n in "abc"
    )
    content = f"model_list: [{rows}]\nrouter_settings: {{fallbacks: [{{a: [b]}}, {{b: [c]}}]}}"
    assert len(names(send(as_alice, content, dry_run=False), "created")) == 7
    assert RoutingGroup.objects.get(name="a").fallback_config == {"fallback_groups": ["b"]}


def test_a_fallback_to_nowhere_or_back_costs_that_fallback_and_not_the_group(as_bob, group):
    file = as_bob.get(EXPORT).json()
    (row,) = file["routing_groups"]
    links = {"a": "b", "b": "nobody", "chat": "c", "c": "chat"}
    file["routing_groups"] = [
        {**row, "routing_group_name": name, "fallback_config": {"fallback_groups": [to]}} for name, to in links.items()
    ]
    skipped = {line["name"]: line["why"] for line in send(as_bob, json.dumps(file), dry_run=False).json()["skipped"]}
    assert skipped == {
        "b": "Its fallback to nobody is left out: there is no such group here, and none is imported from the file.",
        "c": "Its fallback to chat is left out: it closes a circle, c → chat → c.",
    }
    stored = {g.name: g.fallback_config for g in RoutingGroup.objects.all()}
    assert stored == {
        "a": {"fallback_groups": ["b"]},
        "b": {},
        "chat": {"fallback_groups": ["c"]},
        "c": {},
    }


BAD = {
    "nothing": ({"content": ""}, "content"),
    "no content": ({}, "content"),
    "a list": ({"content": []}, "content"),
    "format": ({"content": "{}", "format": "xml"}, "format"),
    "a typo": ({"content": "{}", "dryrun": True}, "dryrun"),
    "broken json": ({"content": "{", "format": "json"}, "content"),
    "json for a list": ({"content": "[]", "format": "json"}, "content"),
    "another version": ({"content": '{"version": 2, "routing_groups": []}'}, "content"),
    "a NUL": ({"content": '{"routing_groups": [{"description": "\\u0000"}]}', "format": "json"}, "content"),
    "too large": ({"content": "x" * (1024 * 1024 + 1)}, "content"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_bad_input_names_the_field(as_bob, body, field):
    answer = as_bob.post(IMPORT, body)
    assert (answer.status_code, list(answer.json())) == (400, [field]), answer.content[:500]
    assert len(answer.content) < 1000


def test_a_description_that_speaks_of_a_key_stays_what_it_is(as_bob, group):
    as_bob.patch(f"/v1/routing_group/{group.pk}", {"description": "Our token: ask Kim. 'key': in the vault"})
    answer = send(as_bob, as_bob.get(EXPORT).content.decode())
    assert (answer.status_code, names(answer, "unchanged")) == (200, [("group", group.name)]), answer.content


def test_an_error_in_json_names_its_place(as_bob):
    content = {"routing_groups": [{"routing_group_name": "a", "routing_strategy": "best", "deployments": [{"rpm": 0}]}]}
    places = [line["name"] for line in send(as_bob, json.dumps(content)).json()["skipped"]]
    assert {"routing_groups[0].routing_strategy", "routing_groups[0].deployments[0].rpm"} <= {*places}


@pytest.mark.parametrize(
    "text", ["{api_key: sk-secret-1", "model_list: [{litellm_params: {api_key: sk-secret-1, rpm: x}}]"]
)
def test_no_error_quotes_a_key(as_alice, text):
    assert "sk-secret" not in send(as_alice, text).content.decode()


def test_rights_and_methods(as_alice, as_charlie, as_dora, as_nobody, as_bob, group):
    assert [c.get(EXPORT).status_code for c in (as_bob, as_charlie, as_dora, as_nobody)] == [200, 200, 403, 401]
    assert [send(c, CONFIG).status_code for c in (as_bob, as_charlie, as_dora, as_nobody)] == [200, 403, 403, 401]
    assert (as_alice.post(EXPORT).status_code, as_bob.get(IMPORT).status_code) == (405, 405)


def test_reads_take_the_same_queries_for_many_groups(as_bob, django_assert_num_queries):
    for _ in range(4):
        make_group(models=[make_model(), make_model()])
    with django_assert_num_queries(4):  # the key, the groups, their deployments
        content = as_bob.get(EXPORT).content.decode()
    with django_assert_num_queries(9):  # the key, providers, models, groups, deployments, names that are taken, aliases
        send(as_bob, content)
