"""Bad input to `/v1/routing_group` gets a clear 400 and changes nothing."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from groups.config_checks import retry_policy
from groups.models import RoutingGroup
from tests.factories import make_group, make_model, make_provider

pytestmark = pytest.mark.django_db
URL = "/v1/routing_group"


def nested(depth: int) -> dict:
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


BAD = {
    "no name": ({"routing_group_name": None}, "routing_group_name"),
    "empty name": ({"routing_group_name": ""}, "routing_group_name"),
    "name of 1 MB": ({"routing_group_name": "x" * 1_000_000}, "routing_group_name"),
    "name of 129": ({"routing_group_name": "x" * 129}, "routing_group_name"),
    "name with a space": ({"routing_group_name": "my group"}, "routing_group_name"),
    "name with NUL": ({"routing_group_name": "a\x00"}, "routing_group_name"),
    "name with half a surrogate": ({"routing_group_name": "a\ud800"}, "routing_group_name"),
    "name with a newline": ({"routing_group_name": "a\nb"}, "routing_group_name"),
    "name a list": ({"routing_group_name": ["a"]}, "routing_group_name"),
    "name taken": ({"routing_group_name": "taken"}, "routing_group_name"),
    "description with NUL": ({"description": "a\x00"}, "description"),
    "description too long": ({"description": "x" * 4001}, "description"),
    "strategy unknown": ({"routing_strategy": "best"}, "routing_strategy"),
    "strategy null": ({"routing_strategy": None}, "routing_strategy"),
    "strategy an object": ({"routing_strategy": {"a": 1}}, "routing_strategy"),
    "deployments null": ({"deployments": None}, "deployments"),
    "deployments empty": ({"deployments": []}, "deployments"),
    "deployments a word": ({"deployments": "nebius"}, "deployments"),
    "deployments an object": ({"deployments": {"model_id": "x"}}, "deployments"),
    "deployments of words": ({"deployments": ["nebius"]}, "deployments"),
    "deployments of lists": ({"deployments": [[]]}, "deployments"),
    "deployments null inside": ({"deployments": [None]}, "deployments"),
    "101 deployments": ({"deployments": [{"model_id": str(uuid4())} for _ in range(101)]}, "deployments"),
    "model unknown": ({"deployments": [{"model_id": str(uuid4())}]}, "deployments"),
    "model no id": ({"deployments": [{"model_id": "gpt-4o"}]}, "deployments"),
    "nothing named": ({"deployments": [{}]}, "deployments"),
    "provider only": ({"deployments": [{"provider": "Nebius"}]}, "deployments"),
    "provider unknown": ({"deployments": [{"provider": "Nobody", "model_name": "llama"}]}, "deployments"),
    "a typo in a deployment": ({"deployments": [{"modelid": "x"}]}, "deployments"),
    "retry a word": ({"retry_config": "3"}, "retry_config"),
    "retry typo": ({"retry_config": {"num_retires": 3}}, "retry_config"),
    "retry huge": ({"retry_config": {"num_retries": 10**30}}, "retry_config"),
    "retry true": ({"retry_config": {"num_retries": True}}, "retry_config"),
    "first token above the default": ({"retry_config": {"first_token_timeout_s": 61}}, "retry_config"),
    "first token too late": ({"retry_config": {"timeout_s": 5, "first_token_timeout_s": 5.5}}, "retry_config"),
    "timeout 0": ({"retry_config": {"timeout_s": 0}}, "retry_config"),
    "cooldown negative": ({"cooldown_config": {"cooldown_time_s": -1}}, "cooldown_config"),
    "cooldown a list": ({"cooldown_config": []}, "cooldown_config"),
    "fallback to nobody": ({"fallback_config": {"fallback_groups": ["nobody"]}}, "fallback_config"),
    "fallback a word": ({"fallback_config": {"fallback_groups": "taken"}}, "fallback_config"),
    "fallback to itself": ({"fallback_config": {"context_window_groups": ["new"]}}, "fallback_config"),
    "settings a list": ({"settings": [1]}, "settings"),
    "settings with NUL": ({"settings": {"a": ["\x00"]}}, "settings"),
    "settings key with NUL": ({"settings": {"\x00": 1}}, "settings"),
    "settings with half a surrogate": ({"settings": {"\ud800": 1}}, "settings"),
    "settings too deep": ({"settings": nested(40)}, "settings"),
    "settings unknown": ({"settings": {"in_power_level": True}}, "settings"),
    "settings no switch": ({"settings": {"in_power_levels": "yes"}}, "settings"),
    "settings too large": ({"settings": {"a": "x" * 70_000}}, "settings"),
    "teams a word": ({"assigned_team_ids": "t1"}, "assigned_team_ids"),
    "teams of objects": ({"assigned_team_ids": [{"id": 1}]}, "assigned_team_ids"),
    "active maybe": ({"is_active": "maybe"}, "is_active"),
    "a typo": ({"routing_stratgy": "weighted"}, "routing_stratgy"),
    "an endless typo": ({"x" * 100_000: 1}, "x" * 64),
}


@pytest.fixture
def sound(as_bob):
    """A body that is fine, beside a group named `taken`."""
    body = {"routing_strategy": "simple-shuffle", "deployments": [{"model_id": str(make_model().id)}]}
    assert as_bob.post(URL, {**body, "routing_group_name": "taken"}).status_code == 201
    return {**body, "routing_group_name": "new"}


def send(client, body, method: str = "POST", url: str = URL):
    return client.generic(method, url, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize(("change", "field"), BAD.values(), ids=BAD.keys())
def test_bad_input_names_the_field_and_stores_nothing(as_bob, sound, change, field):
    answer = send(as_bob, {**sound, **change})
    assert answer.status_code == 400, answer.content
    assert list(answer.json()) == [field]
    assert len(answer.content) < 4000
    assert RoutingGroup.objects.count() == 1


@pytest.mark.parametrize(("change", "field"), BAD.values(), ids=BAD.keys())
def test_the_same_in_a_patch(as_bob, sound, change, field):
    made = send(as_bob, sound).json()
    answer = send(as_bob, change, "PATCH", f"{URL}/{made['routing_group_id']}")
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert RoutingGroup.objects.get(name="new").revision == 1


FITS = {
    "priority missing": ("priority-failover", [{"priority": 1}, {}]),
    "priority 0": ("priority-failover", [{"priority": 0}, {"priority": 1}]),
    "priority huge": ("priority-failover", [{"priority": 10**12}, {"priority": 1}]),
    "priority a fraction": ("priority-failover", [{"priority": 1.5}, {"priority": 1}]),
    "weight missing": ("weighted", [{"weight": 1}, {}]),
    "weight negative": ("weighted", [{"weight": -1}, {"weight": 1}]),
    "weight a word": ("weighted", [{"weight": "most"}, {"weight": 1}]),
    "every weight 0": ("weighted", [{"weight": 0}, {"weight": 0}]),
    "rpm 0": ("least-busy", [{"rpm": 0}, {}]),
}


def test_an_older_group_whose_first_token_may_be_late_works_on_until_its_limits_are_changed(as_bob):
    old = {"timeout_s": 5, "first_token_timeout_s": 9}
    group = make_group(models=[make_model()], retry_config=old)
    assert retry_policy(group.retry_config).limit_s(is_stream=True) == 9
    one = f"{URL}/{group.id}"
    assert as_bob.patch(one, {"description": "x"}).status_code == 200
    assert as_bob.patch(one, {"retry_config": old, "description": "y"}).status_code == 200
    refused = as_bob.patch(one, {"retry_config": {**old, "num_retries": 1}})
    assert (refused.status_code, refused.json()) == (
        400,
        {"retry_config": ["first_token_timeout_s: give at most timeout_s (5), or raise timeout_s."]},
    )
    assert as_bob.patch(one, {"retry_config": {**old, "timeout_s": 9}}).status_code == 200


@pytest.mark.parametrize(("strategy", "places"), FITS.values(), ids=FITS.keys())
def test_deployments_must_fit_the_strategy(as_bob, sound, strategy, places):
    deployments = [{"model_id": str(make_model().id), **place} for place in places]
    answer = send(as_bob, {**sound, "routing_strategy": strategy, "deployments": deployments})
    assert (answer.status_code, list(answer.json())) == (400, ["deployments"])


def test_a_model_twice_is_refused_however_it_is_named(as_bob, sound):
    model = make_model(provider=make_provider(name="Nebius"), name="llama")
    twice = [{"model_id": str(model.id)}, {"provider": "nebius", "model_name": "llama"}]
    answer = send(as_bob, {**sound, "deployments": twice})
    assert "Nebius/llama" in answer.json()["deployments"][0]


@pytest.mark.parametrize("wrong", [{"provider": "Other"}, {"model_name": "gpt"}, {"provider": "azure"}])
def test_an_id_and_a_name_that_disagree_are_refused(as_bob, sound, wrong):
    model = make_model(provider=make_provider(name="Nebius", type="nebius"), name="llama")
    answer = send(as_bob, {**sound, "deployments": [{"model_id": str(model.id), **wrong}]})
    assert "model_id" in answer.json()["deployments"][0]


def test_a_type_that_several_providers_have_does_not_name_one(as_bob, sound):
    for name in ("East", "West"):
        make_model(provider=make_provider(name=name, type="azure"), name="gpt")
    answer = send(as_bob, {**sound, "deployments": [{"provider": "azure", "model_name": "gpt"}]})
    assert "Several providers" in answer.json()["deployments"][0]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'"x"', b"null", b"\xff", b"[" * 100_000, b'{"settings": {"a": 1e999}}', b'{"a": NaN}'],
)
def test_what_is_no_json_object_is_400(as_bob, body):
    assert as_bob.generic("POST", URL, body, content_type="application/json").status_code == 400


def test_a_form_is_415(as_bob):
    assert as_bob.post(URL, {"a": "b"}, format="multipart").status_code == 415


text = st.text(st.characters(), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))
FIELDS = ["routing_group_name", "routing_strategy", "deployments", "retry_config", "cooldown_config", "settings"]
FIELDS += ["fallback_config", "description", "assigned_team_ids", "is_active", "revision"]


@pytest.mark.slow
@hypothesis_settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(change=st.dictionaries(st.sampled_from(FIELDS) | text, anything, max_size=4))
def test_no_json_makes_a_5xx(as_bob, sound, change):
    answer = send(as_bob, {**sound, **change})
    assert answer.status_code in (201, 400), answer.content
    RoutingGroup.objects.exclude(name="taken").delete()
