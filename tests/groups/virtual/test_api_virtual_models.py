"""`/v1/virtual_models`: what it takes, gives and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from rest_framework.test import APIClient

from groups.models import RoutingGroup, VirtualModel
from providers import config_version
from tests.factories import make_group, make_model

pytestmark = pytest.mark.django_db
AT = "/v1/virtual_models"


@pytest.fixture
def body(db: None) -> dict[str, Any]:
    small, large = (make_group(name=name, models=[make_model()]) for name in ("mini", "standard"))
    return {"name": "auto-chat", "tiers": [{"pool": small.name}, {"pool": large.name, "minimum_score": 50}]}


def create(client: APIClient, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = client.post(AT, {**body, **changes})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def refused(client: APIClient, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = client.post(AT, {**body, **changes})
    assert answer.status_code == 400, answer.content
    return dict(answer.json())


def test_two_pools_and_a_threshold_are_enough(as_bob, body):
    version = config_version.current()
    made = create(as_bob, body)
    assert [(t["name"], t["minimum_score"], t["pool"]) for t in made["tiers"]] == [
        ("simple", None, "mini"),
        ("complex", 50, "standard"),
    ]
    assert (made["default_tier"], made["is_active"], made["scoring"]["complex_points"]) == ("complex", True, 150)
    assert made["scoring"]["simple_keywords"] == ["ls", "cat", "hi", "hello", "test"]
    assert config_version.current() > version


def test_an_answer_can_be_sent_back_and_stays_usual(as_bob, body):
    made = create(as_bob, body)
    answer = as_bob.put(f"{AT}/{made['id']}", made, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.content
    assert {**answer.json(), "revision": 1, "updated_at": made["updated_at"]} == made
    assert VirtualModel.objects.get().scoring == {}


def test_patch_changes_a_part_and_is_refused_for_an_older_version(as_bob, body):
    made = create(as_bob, body)
    at = f"{AT}/{made['id']}"
    etag = as_bob.get(at)["ETag"]
    changed = as_bob.patch(at, {"scoring": {"complex_keywords": ["prove"]}, "default_tier": "simple"})
    assert (changed.json()["scoring"]["complex_keywords"], changed.json()["revision"]) == (["prove"], 2)
    assert as_bob.patch(at, {"is_active": False}, headers={"If-Match": etag}).status_code == 412


def test_patch_takes_all_tiers_and_not_a_part_of_one(as_bob, body):
    at = f"{AT}/{create(as_bob, body)['id']}"
    half = as_bob.patch(at, {"tiers": [{}, {"minimum_score": 50}]})
    assert (half.status_code, "required" in str(half.json()["tiers"])) == (400, True)
    changed = as_bob.patch(at, {"tiers": [{"pool": "standard"}, {"pool": "mini", "minimum_score": 200, "name": "top"}]})
    assert (changed.status_code, list(changed.json())) == (400, ["default_tier"])
    tiers = [{"pool": "standard"}, {"pool": "mini", "minimum_score": 200}]
    assert as_bob.patch(at, {"tiers": tiers}).json()["tiers"][1]["minimum_score"] == 200


@pytest.mark.parametrize(
    "junk",
    [
        {"tiers": None},
        {"tiers": "mini"},
        {"tiers": [1, 2]},
        {"tiers": [{"pool": ""}, {"pool": None}]},
        {"tiers": [{"pool": "mini"}] * 9},
        {"scoring": []},
        {"scoring": {"simple_keywords": "hi"}},
        {"scoring": {"most_length": 10**30}},
        {"name": ""},
        {"name": "with space"},
        {"name": "x" * 129},
        {"is_active": "perhaps"},
        {"unknown": 1},
    ],
)
def test_junk_is_refused_and_nothing_is_made(as_bob, body, junk):
    refused(as_bob, body, **junk)
    assert not VirtualModel.objects.exists()


def test_tiers_are_ordered_by_their_minimum(as_bob, body):
    make_group(name="huge", models=[make_model()])
    tiers = [{"pool": "huge", "minimum_score": 300}, {"pool": "standard", "minimum_score": 50}, {"pool": "mini"}]
    made = create(as_bob, body, tiers=tiers)
    assert [(t["name"], t["pool"]) for t in made["tiers"]] == [
        ("tier-1", "mini"),
        ("tier-2", "standard"),
        ("tier-3", "huge"),
    ]


@pytest.mark.parametrize(
    ("tiers", "why"),
    [
        ([{"pool": "mini"}], "2 to 5 tiers"),
        ([{"pool": "mini"}, {"pool": "standard"}], "another minimum_score"),
        ([{"pool": "mini", "minimum_score": 5}, {"pool": "standard", "minimum_score": 5}], "another minimum_score"),
        ([{"pool": "mini"}, {"pool": "none", "minimum_score": 50}], "no routing group named none"),
        (
            [{"pool": "mini", "name": "one"}, {"pool": "mini", "name": "one", "minimum_score": 5}],
            "another name",
        ),
        ([{"pool": "mini", "minimum_score": 5}, {"pool": "mini", "minimum_score": 10**9}], "less than or equal"),
    ],
)
def test_tiers_without_a_total_order_are_refused(as_bob, body, tiers, why):
    assert why in str(refused(as_bob, body, tiers=tiers)["tiers"])


@pytest.mark.parametrize(
    ("scoring", "why"),
    [
        ({"simple_points": 5}, "simple_points: give a whole number from -10000 to 0"),
        ({"complex_points": -1}, "complex_points: give a whole number from 0 to 10000"),
        ({"complex_keywords": ["  "]}, "complex_keywords: each entry"),
        ({"complex_keywords": ["Hello"]}, "hello: a keyword is either simple or complex"),
        ({"complex_keywords": ["word"] * 201}, "at most 200"),
        ({"magic": 1}, "Unknown field"),
    ],
)
def test_scoring_that_makes_no_sense_is_refused(as_bob, body, scoring, why):
    assert why in str(refused(as_bob, body, scoring=scoring)["scoring"])


def test_a_keyword_counts_once_and_without_the_spaces_around_it(as_bob, body):
    made = create(as_bob, body, scoring={"complex_keywords": [" Prove", "derive", "PROVE"]})
    assert made["scoring"]["complex_keywords"] == ["Prove", "derive"]


def test_the_default_tier_is_one_of_the_tiers(as_bob, body):
    assert "simple, complex" in str(refused(as_bob, body, default_tier="huge")["default_tier"])


def test_a_name_means_one_thing(as_bob, body):
    assert "routing group of this name" in str(refused(as_bob, body, name="mini")["name"])
    create(as_bob, body)
    assert "virtual model of this name" in str(refused(as_bob, body)["name"])
    answer = as_bob.patch(
        f"/v1/routing_group/{RoutingGroup.objects.get(name='mini').pk}", {"routing_group_name": "auto-chat"}
    )
    assert (answer.status_code, list(answer.json())) == (400, ["routing_group_name"])


def test_a_pool_cannot_go_but_may_be_renamed(as_bob, body):
    made = create(as_bob, body)
    pool = f"/v1/routing_group/{RoutingGroup.objects.get(name='mini').pk}"
    answer = as_bob.delete(pool)
    assert (answer.status_code, "is a pool of auto-chat" in answer.json()["detail"]) == (409, True)
    assert as_bob.patch(pool, {"routing_group_name": "tiny"}).status_code == 200
    assert as_bob.get(f"{AT}/{made['id']}").json()["tiers"][0]["pool"] == "tiny"


def test_deleting_leaves_the_pools_and_a_trace_in_the_audit_log(as_bob, body):
    made = create(as_bob, body)
    assert as_bob.delete(f"{AT}/{made['id']}").json() == {"id": made["id"], "deleted": True}
    assert as_bob.get(f"{AT}/{made['id']}").status_code == 404
    assert RoutingGroup.objects.count() == 2
    last = LogEntry.objects.filter(object_pk=made["id"]).latest("id")
    assert (last.action, last.additional_data["by"]) == (LogEntry.Action.DELETE, "bob")
    assert last.changes["tier complex"] == ["standard, from 50", ""]


def test_viewers_read_and_strangers_do_not(as_bob, as_charlie, as_dora, as_nobody, body):
    made = create(as_bob, body)
    assert as_charlie.get(AT).json()["virtual_models"] == [made]
    assert as_charlie.post(AT, body).status_code == as_charlie.post(f"{AT}/templates").status_code == 403
    assert as_charlie.delete(f"{AT}/{made['id']}").status_code == as_dora.get(AT).status_code == 403
    assert (as_nobody.get(AT).status_code, as_bob.put(AT, body).status_code) == (401, 405)


def test_the_list_takes_the_same_queries_for_many(as_bob, as_charlie, body, django_assert_num_queries):
    for number in range(3):
        create(as_bob, body, name=f"auto-{number}", is_active=number > 0)
    with django_assert_num_queries(5):  # the key, the virtual models, their tiers, the total
        assert as_charlie.get(f"{AT}?is_active=true").json()["total"] == 2
