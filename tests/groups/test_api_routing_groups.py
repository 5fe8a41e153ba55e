"""`/v1/routing_group`: what works, who may, and how versions are kept apart."""

from __future__ import annotations

from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from groups.config_checks import SETTINGS
from groups.models import RoutingGroup
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
URL = "/v1/routing_group"
SEED_FIELDS = {
    "routing_group_id", "routing_group_name", "description", "routing_strategy", "deployments", "fallback_config",
    "retry_config", "cooldown_config", "settings", "assigned_team_ids", "assigned_key_ids", "is_active",
    "created_at", "created_by", "updated_at", "updated_by", "revision",
}  # fmt: skip
DEPLOYMENT_FIELDS = {
    "capacity",
    "region",
    "extra_body",
    "extra_headers",
    "model_id",
    "model_name",
    "provider",
    "priority",
    "weight",
    "display_name",
    "rpm",
    "tpm",
    "max_parallel",
    "max_wait_s",
}


@pytest.fixture
def body(two_models):
    return {"routing_group_name": "chat", "routing_strategy": "priority-failover", "deployments": two_models}


def create(client, body, **changes):
    answer = client.post(URL, {**body, **changes})
    assert answer.status_code == 201, answer.content
    return answer.json()


def at(group) -> str:
    return f"{URL}/{group['routing_group_id']}"


def test_create_answers_every_field_of_the_contract(as_bob, body):
    answer = as_bob.post(URL, {**body, "retry_config": {"num_retries": 1}, "assigned_team_ids": ["t1"]})
    assert answer.status_code == 201, answer.content
    group = answer.json()
    assert set(group) == SEED_FIELDS
    assert all(set(deployment) == DEPLOYMENT_FIELDS for deployment in group["deployments"])
    assert [d["priority"] for d in group["deployments"]] == [1, 2]
    assert (group["retry_config"], group["assigned_team_ids"]) == ({"num_retries": 1}, ["t1"])
    assert (group["is_active"], group["revision"], group["created_by"]) == (True, 1, "bob")
    assert answer["ETag"] == as_bob.get(at(group))["ETag"]


@pytest.mark.parametrize("strategy", RoutingGroup._meta.get_field("strategy").flatchoices)
def test_all_seven_strategies(as_bob, body, strategy):
    assert create(as_bob, body, routing_strategy=strategy[0])["routing_strategy"] == strategy[0]


def test_null_is_the_default(as_bob, body):
    fields = ["description", "fallback_config", "retry_config", "settings", "assigned_team_ids", "assigned_key_ids"]
    group = create(as_bob, body, **dict.fromkeys(fields))
    assert [group[field] for field in fields] == ["", {}, {}, {}, [], []]


RETRY = {
    "num_retries": 1,
    "retry_after_max_s": 20,
    "retry_budget": 0.5,
    "by_error": {"rate_limit": {"here": 3, "elsewhere": False, "wait_s": 1.5}},
}
COOLDOWN = {
    "first_s": 1,
    "longest_s": 30,
    "failure_rate": 0.25,
    "consecutive_failures": 5,
    "retry_after_cap_s": 120,
    "last_deployment_s": 2.5,
}


def test_the_settings_of_the_core_are_kept_and_given_back(as_bob, body):
    group = create(as_bob, body, retry_config=RETRY, cooldown_config=COOLDOWN)
    read = as_bob.get(at(group)).json()
    assert (read["retry_config"], read["cooldown_config"]) == (RETRY, COOLDOWN)


def test_the_requests_at_once_of_a_deployment_are_kept_and_given_back(as_bob, body):
    rows = [{**row, "max_parallel": 3, "max_wait_s": 1.5} for row in body["deployments"]]
    group = create(as_bob, body, deployments=rows)
    read = as_bob.get(at(group)).json()["deployments"]
    assert [(row["max_parallel"], row["max_wait_s"]) for row in read] == [(3, 1.5)] * len(rows)


@pytest.mark.parametrize(
    "wrong", [{"max_parallel": 0}, {"max_parallel": "many"}, {"max_wait_s": -1}, {"max_wait_s": 999}]
)
def test_requests_at_once_that_are_no_number_within_bounds_are_400(as_bob, body, wrong):
    rows = [{**row, **wrong} for row in body["deployments"]]
    answer = as_bob.post(URL, {**body, "deployments": rows})
    assert answer.status_code == 400
    assert next(iter(wrong)) in str(answer.json()["deployments"])


def test_litellms_router_refuses_requests_at_once(as_bob, body):
    rows = [{**row, "max_parallel": 3} for row in body["deployments"]]
    answer = as_bob.post(URL, {**body, "deployments": rows, "settings": {"router": "litellm"}})
    assert answer.status_code == 400
    assert "LiteLLM's Router has no max_parallel" in answer.json()["deployments"][0]


def test_an_exported_group_has_them_and_an_import_brings_them_back(as_bob, body):
    group = create(as_bob, body, retry_config=RETRY, cooldown_config=COOLDOWN)
    content = as_bob.get(f"{URL}/export?format=json").content.decode()
    as_bob.patch(at(group), {"retry_config": {}, "cooldown_config": {}})
    done = as_bob.post(f"{URL}/import", {"format": "json", "content": content, "dry_run": False})
    assert done.status_code == 200, done.content
    read = as_bob.get(at(group)).json()
    assert (read["retry_config"], read["cooldown_config"]) == (RETRY, COOLDOWN)


@pytest.mark.parametrize(
    ("field", "config", "why"),
    [
        ("retry_config", {"retry_budget": 2}, "retry_budget: give a share from 0 to 1."),
        ("retry_config", {"by_error": {"timeout": {"here": -1}}}, "by_error.timeout.here: give a whole number"),
        ("cooldown_config", {"first_s": 90}, "first_s: give at most longest_s (60)"),
        ("cooldown_config", {"consecutive_failures": 0}, "consecutive_failures: give a whole number from 1 to 50."),
        ("settings", {"rescue": "always"}, "rescue: give one of off, auto."),
        ("settings", {"sticky": {}}, "sticky: by: say how to tell conversations: key, user, session, prefix or"),
        ("settings", {"sticky": {"by": "mood"}}, "sticky.by: give one of key, user, session, prefix or header:NAME."),
        ("settings", {"sticky": {"by": "header:a b"}}, "sticky.by: give one of key, user"),
        ("settings", {"sticky": {"by": "header:Authorization"}}, "sticky.by: 'authorization' is a secret."),
        ("settings", {"sticky": {"by": "key", "ttl_s": 0}}, "sticky.ttl_s: give seconds from 1 to 86400."),
        ("settings", {"sticky": {"by": "key", "for": 3}}, "sticky: Unknown: for. Known: by, ttl_s."),
        ("settings", {"hedge": {}}, "hedge: enabled: give true or false."),
        ("settings", {"hedge": True}, "hedge: Give an object with any of enabled, after_ms, budget."),
        ("settings", {"hedge": {"enabled": "yes"}}, "hedge.enabled: give true or false."),
        ("settings", {"hedge": {"enabled": True, "after_ms": 0}}, "hedge.after_ms: give a whole number from 1 to"),
        ("settings", {"hedge": {"enabled": True, "budget": 1.5}}, "hedge.budget: give a share from 0 to 1."),
        (
            "settings",
            {"hedge": {"enabled": True, "when": 3}},
            "hedge: Unknown: when. Known: enabled, after_ms,",
        ),
    ],
)
def test_a_setting_of_the_core_that_is_wrong_is_400_and_named(as_bob, body, field, config, why):
    answer = as_bob.post(URL, {**body, field: config})
    assert answer.status_code == 400
    assert answer.json()[field][0].startswith(why)


@pytest.mark.parametrize(
    ("field", "config"),
    [
        ("retry_config", RETRY),
        ("cooldown_config", COOLDOWN),
        ("settings", {"stream_upstream": True}),
        ("settings", {"rescue": "auto"}),
        ("settings", {"sticky": {"by": "session"}}),
        ("settings", {"hedge": {"enabled": True}}),
    ],
)
def test_litellms_router_refuses_what_it_does_not_have(as_bob, body, field, config):
    asked = {"settings": {}, field: config}
    asked["settings"] = {**asked["settings"], "router": "litellm"}
    answer = as_bob.post(URL, {**body, **asked})
    assert answer.status_code == 400
    assert "LiteLLM's Router has no such setting" in answer.json()[field][0]
    plain = {"num_retries": 1, "timeout_s": 9}
    litellms = {"router": "litellm", "stream_upstream": False, "hedge": {"enabled": False}}
    create(as_bob, body, settings=litellms, retry_config=plain, cooldown_config={"cooldown_time_s": 3})


def test_the_schema_names_every_setting_with_its_limits(as_bob):
    schema = as_bob.get("/api/schema?format=json").json()["components"]["schemas"]["RoutingGroup"]["properties"]
    retry, cooldown = schema["retry_config"]["properties"], schema["cooldown_config"]["properties"]
    assert (retry["retry_budget"]["maximum"], retry["retry_after_max_s"]["default"]) == (1, 5.0)
    assert set(retry["by_error"]["properties"]["timeout"]["properties"]) == {"here", "elsewhere", "wait_s"}
    assert cooldown["consecutive_failures"] == {"type": "integer", "minimum": 1, "maximum": 50, "nullable": True}
    assert set(schema["settings"]["properties"]) == set(SETTINGS)


def test_a_model_may_be_named_by_provider_and_name(as_bob, body):
    nebius = make_model(provider=make_provider(name="Nebius", type="nebius"), name="llama")
    for provider in ("Nebius", "NEBIUS", "nebius"):
        named = [{"provider": provider, "model_name": "llama", "priority": 1}]
        group = create(as_bob, body, routing_group_name=f"by-{provider}", deployments=named)
        assert group["deployments"][0]["model_id"] == str(nebius.id)


def test_an_answer_can_be_sent_back(as_bob, body):
    group = create(as_bob, body)
    answer = as_bob.put(at(group), group)
    assert answer.status_code == 200, answer.content
    kept = {name: value for name, value in answer.json().items() if name not in ("revision", "updated_at")}
    assert kept.items() <= group.items()


def test_put_replaces_the_whole_and_patch_a_part(as_bob, body, alice):
    group = create(as_bob, body, description="old", retry_config={"num_retries": 1})
    patched = as_bob.patch(at(group), {"description": "new"}).json()
    assert (patched["description"], patched["retry_config"], patched["revision"]) == ("new", {"num_retries": 1}, 2)
    replaced = as_bob.put(at(group), {**body, "deployments": body["deployments"][:1]}).json()
    assert (replaced["description"], replaced["retry_config"], len(replaced["deployments"])) == ("", {}, 1)


def test_another_strategy_keeps_priorities_and_weights(as_bob, body):
    group = create(as_bob, body)
    changed = as_bob.patch(at(group), {"routing_strategy": "weighted"}).json()
    assert [(d["priority"], d["weight"]) for d in changed["deployments"]] == [(1, 50), (2, 50)]


def test_another_strategy_must_find_what_it_needs(as_bob, body):
    only_priorities = [{"model_id": d["model_id"], "priority": 1} for d in body["deployments"]]
    group = create(as_bob, body, deployments=only_priorities)
    answer = as_bob.patch(at(group), {"routing_strategy": "weighted"})
    assert (answer.status_code, list(answer.json())) == (400, ["deployments"])
    assert as_bob.get(at(group)).json()["routing_strategy"] == "priority-failover"


def test_delete(as_bob, body):
    group = create(as_bob, body)
    assert as_bob.delete(at(group)).json() == {"routing_group_id": group["routing_group_id"], "deleted": True}
    assert as_bob.get(at(group)).status_code == 404


def test_list_is_paged_and_filtered(as_charlie):
    make_group(name="chat-eu", strategy="weighted")
    make_group(name="chat-us", strategy="least-busy", description="For the Americas", is_active=False)
    assert names(as_charlie, "") == ["chat-eu", "chat-us"]
    assert names(as_charlie, "?q=americas") == names(as_charlie, "?q=CHAT-U") == ["chat-us"]
    assert names(as_charlie, "?strategy=weighted") == names(as_charlie, "?is_active=true") == ["chat-eu"]
    page = as_charlie.get(f"{URL}?page=2&size=1").json()
    assert (len(page.pop("routing_groups")), page) == (1, {"total": 2, "page": 2, "size": 1})


def names(client, query: str) -> list[str]:
    return [group["routing_group_name"] for group in client.get(URL + query).json()["routing_groups"]]


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=a", "size=201", "size=0", "strategy=best", "is_active=si"]
)
def test_a_bad_query_is_400_and_names_the_parameter(as_charlie, query):
    answer = as_charlie.get(f"{URL}?{query}")
    assert (answer.status_code, list(answer.json())) == (400, [query.partition("=")[0]])


@pytest.mark.parametrize("spelling", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
def test_if_match_lets_the_current_version_through(as_bob, body, spelling):
    answer = as_bob.post(URL, body)
    header = {"If-Match": spelling.format(etag=answer["ETag"])}
    changed = as_bob.patch(at(answer.json()), {"description": "new"}, headers=header)
    assert changed.status_code == 200
    assert changed["ETag"] != answer["ETag"]


@pytest.mark.parametrize("spelling", ["{etag}", "W/{etag}", '"other"', "garbage", ""])
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_if_match_stops_a_change_on_top_of_another(as_bob, body, spelling, method):
    answer = as_bob.post(URL, body)
    as_bob.patch(at(answer.json()), {"description": "somebody else's"})
    header = {"If-Match": spelling.format(etag=answer["ETag"])}
    late = getattr(as_bob, method)(at(answer.json()), body, headers=header)
    assert late.status_code == 412
    assert "Load it again" in late.json()["detail"]
    assert RoutingGroup.objects.get().description == "somebody else's"


def test_a_renamed_group_stays_the_fallback_of_others(as_bob, body):
    group = create(as_bob, body)
    other = create(as_bob, body, routing_group_name="front", fallback_config={"fallback_groups": ["chat"]})
    as_bob.patch(at(group), {"routing_group_name": "chat-2"})
    front = as_bob.get(at(other)).json()
    assert (front["fallback_config"], front["revision"]) == ({"fallback_groups": ["chat-2"]}, 2)


def test_a_group_that_others_fall_back_to_stays(as_bob, body):
    group = create(as_bob, body)
    create(as_bob, body, routing_group_name="front", fallback_config={"content_policy_groups": ["chat"]})
    answer = as_bob.delete(at(group))
    assert (answer.status_code, "front" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize("kind", ["fallback_groups", "context_window_groups", "content_policy_groups"])
def test_a_circle_of_fallbacks_is_named(as_bob, body, kind):
    a = create(as_bob, body, routing_group_name="a")
    create(as_bob, body, routing_group_name="b", fallback_config={"fallback_groups": ["a"]})
    create(as_bob, body, routing_group_name="c", fallback_config={kind: ["b"]})
    answer = as_bob.patch(at(a), {"fallback_config": {kind: ["c"]}})
    assert answer.status_code == 400
    assert "a → c → b → a" in answer.json()["fallback_config"][0]


def test_a_group_cannot_be_its_own_fallback(as_bob, body):
    answer = as_bob.post(URL, {**body, "fallback_config": {"fallback_groups": ["chat"]}})
    assert "chat → chat" in answer.json()["fallback_config"][0]


def test_a_rename_cannot_close_a_circle_either(as_bob, body):
    group = create(as_bob, body, fallback_config={})
    create(as_bob, body, routing_group_name="front", fallback_config={"fallback_groups": ["chat"]})
    change = {"routing_group_name": "chat-2", "fallback_config": {"fallback_groups": ["front"]}}
    assert "chat-2 → front → chat-2" in as_bob.patch(at(group), change).json()["fallback_config"][0]


@pytest.mark.parametrize("row_id", [str(uuid4()), "7", "x" * 500, "%00"])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_id_that_is_none_is_404(as_bob, row_id, method, body):
    answer = getattr(as_bob, method)(f"{URL}/{row_id}", body)
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_wrong_methods_and_no_trailing_slash(as_bob, body):
    assert as_bob.delete(URL).status_code == 405
    assert as_bob.post(at(create(as_bob, body)), body).status_code == 405
    assert as_bob.get(f"{URL}/").status_code == 404


def test_rights(as_alice, as_charlie, as_dora, as_nobody, body):
    detail = at(create(as_alice, body))
    assert as_charlie.get(URL).status_code == as_charlie.get(detail).status_code == 200
    for client, status in ((as_charlie, 403), (as_dora, 403), (as_nobody, 401)):
        writes = [client.post(URL, body), client.put(detail, body), client.patch(detail, {}), client.delete(detail)]
        assert [answer.status_code for answer in writes] == [status] * 4
    assert (as_dora.get(URL).status_code, as_nobody.get(detail).status_code) == (403, 401)
    assert "bob" not in as_dora.get(URL).json()["detail"]


def test_a_session_may_too_with_a_csrf_token_only(bob, body):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(bob)
    assert client.get(URL).status_code == 200
    assert client.post(URL, body).status_code == 403


def test_reads_take_the_same_queries_for_many_rows(as_charlie, django_assert_num_queries):
    groups = [make_group(models=[make_model(), make_model(), make_model()]) for _ in range(5)]
    with django_assert_num_queries(5):  # the key, the groups, their deployments, the total
        as_charlie.get(URL)
    with django_assert_num_queries(4):
        as_charlie.get(f"{URL}/{groups[0].id}")
