"""`/api/v1/llm/cooldowns`."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from auditlog.models import LogEntry
from django.utils import timezone

from engine.shared.store import StoreLink
from providers import config_version
from tests.factories import make_group, make_model
from tests.usage.cooling import cooling
from usage.health import processes
from usage.health.tripping import current_trips
from usage.models import BreakerTrip, CooldownRecord

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/cooldowns"
DEPLOYMENT = uuid4()
NAME = f"deployment:{DEPLOYMENT}"


def test_the_board_merges_the_processes_and_leaves_out_what_is_over(as_charlie):
    cooling(left_s=10, deployment_id=DEPLOYMENT)
    cooling(left_s=30, deployment_id=DEPLOYMENT, groups=["chat", "code"])
    cooling(left_s=-1)
    body = as_charlie.get(URL).json()
    (row,) = body["cooldowns"]
    expected = {"group": "chat", "deployment": "Llama", "provider": "Nebius", "error": "Slow down", "processes": 2}
    assert {name: row[name] for name in expected} == expected
    new = {"id": NAME, "groups": ["chat", "code"], "state": "open", "cause": "2×429", "by": None}
    assert {name: row[name] for name in new} == new
    assert row["since"] < row["next_probe"] < row["until"]
    assert 15 <= row["seconds_left"] <= 30
    assert body["total"] == 1


def test_a_key_has_no_deployment(as_charlie):
    provider = uuid4()
    cooling(breaker=f"key:{provider}")
    (row,) = as_charlie.get(URL).json()["cooldowns"]
    assert (row["id"], row["deployment_id"], row["deployment"]) == (f"key:{provider}", None, None)
    assert row["provider"] == "Nebius"


def test_one_that_is_being_tried_is_listed_while_its_process_runs(as_charlie):
    row = cooling(left_s=-5, state="half_open")
    assert as_charlie.get(URL).json()["total"] == 0
    processes.say_alive(row.process, link=StoreLink.ALONE)
    assert [one["state"] for one in as_charlie.get(URL).json()["cooldowns"]] == ["half_open"]


def test_where_processes_differ_an_open_one_counts_more(as_charlie):
    tried = cooling(left_s=-5, state="half_open", deployment_id=DEPLOYMENT)
    processes.say_alive(tried.process, link=StoreLink.ALONE)
    cooling(left_s=20, deployment_id=DEPLOYMENT)
    assert [one["state"] for one in as_charlie.get(URL).json()["cooldowns"]] == ["open"]


def test_a_reset_deletes_the_rows_of_all_processes_and_tells_them(as_bob):
    cooling(deployment_id=DEPLOYMENT)
    cooling(deployment_id=DEPLOYMENT)
    other = cooling()
    version = config_version.current()
    answer = as_bob.delete(f"{URL}/{NAME}")
    assert (answer.status_code, answer.json()["processes"]) == (200, 2)
    assert list(CooldownRecord.objects.all()) == [other]
    assert config_version.current() == version + 1


@pytest.mark.parametrize("row_id", [NAME, "x", f"{DEPLOYMENT}", "deployment:7", "key:", "%00"])
def test_what_does_not_cool_down_is_404(as_bob, row_id):
    answer = as_bob.delete(f"{URL}/{row_id}")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_rights_and_wrong_methods(as_alice, as_charlie, as_dora, as_nobody):
    cooling(deployment_id=DEPLOYMENT)
    one, body = f"{URL}/{NAME}", {"deployment_id": str(make_model().pk), "for_s": 60, "why": "test"}
    refused = [as_charlie.delete(one), as_dora.delete(one), as_dora.get(URL), as_charlie.post(URL, body)]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert {as_nobody.get(URL).status_code, as_nobody.delete(one).status_code, as_nobody.post(URL).status_code} == {401}
    assert (as_alice.put(URL).status_code, as_alice.get(one).status_code) == (405, 405)
    assert not BreakerTrip.objects.exists()


def test_the_board_takes_the_same_queries_for_many_rows(as_charlie, django_assert_num_queries):
    for _ in range(5):
        cooling()
        model = make_model()
        now = timezone.now()
        times = {"since": now, "until": now + timedelta(seconds=60)}
        BreakerTrip.objects.create(breaker=f"deployment:{model.pk}", why="test", by="bob", **times)
    with django_assert_num_queries(5):  # two for the key; the rows, the trips, their groups
        as_charlie.get(URL)


# By hand


def test_a_deployment_is_tripped_for_a_while_and_all_processes_are_told(as_bob):
    model = make_model(display_name="Llama")
    make_group(name="chat", models=[model])
    version = config_version.current()
    answer = as_bob.post(URL, {"deployment_id": str(model.pk), "for_s": 600, "why": "It answers nonsense."})
    assert answer.status_code == 201, answer.json()
    row = answer.json()
    expected = {"id": f"deployment:{model.pk}", "groups": ["chat"], "deployment": "Llama", "state": "open", "by": "bob"}
    assert {name: row[name] for name in expected} == expected
    assert (row["cause"], row["until"] == row["next_probe"]) == ("It answers nonsense.", True)
    assert 590 < row["seconds_left"] <= 600
    assert as_bob.get(URL).json()["cooldowns"] == [{**row, "seconds_left": pytest.approx(row["seconds_left"], abs=5)}]
    assert config_version.current() == version + 1
    assert [trip.why for trip in current_trips().values()] == ["It answers nonsense."]


def test_a_provider_is_tripped_with_all_its_groups(as_bob):
    model = make_model()
    make_group(name="chat", models=[model])
    make_group(name="code", models=[model])
    answer = as_bob.post(URL, {"provider_id": str(model.provider.pk), "for_s": 60, "why": "maintenance"})
    row = answer.json()
    assert (row["id"], row["groups"]) == (f"key:{model.provider.pk}", ["chat", "code"])
    assert (row["deployment_id"], row["provider"]) == (None, model.provider.name)


def test_another_trip_takes_the_place_of_the_first(as_bob):
    body = {"deployment_id": str(make_model().pk), "why": "first"}
    as_bob.post(URL, {**body, "for_s": 600})
    as_bob.post(URL, {**body, "for_s": 60, "why": "shorter"})
    (row,) = as_bob.get(URL).json()["cooldowns"]
    assert (row["cause"], row["seconds_left"] <= 60) == ("shorter", True)


def test_a_trip_counts_more_than_what_failures_do(as_bob):
    model = make_model()
    cooling(deployment_id=model.pk, left_s=1000)
    as_bob.post(URL, {"deployment_id": str(model.pk), "for_s": 60, "why": "by hand"})
    (row,) = as_bob.get(URL).json()["cooldowns"]
    assert (row["cause"], row["by"], row["processes"]) == ("by hand", "bob", 1)


def test_a_trip_is_closed_before_its_time(as_bob):
    body = {"deployment_id": str(make_model().pk), "for_s": 600, "why": "test"}
    row = as_bob.post(URL, body).json()
    version = config_version.current()
    assert as_bob.delete(f"{URL}/{row['id']}").json() == {"success": True, "id": row["id"], "processes": 0}
    assert (as_bob.get(URL).json()["total"], current_trips()) == (0, {})
    assert config_version.current() == version + 1


def test_the_history_has_both(as_bob):
    model = make_model()
    row = as_bob.post(URL, {"deployment_id": str(model.pk), "for_s": 600, "why": "nonsense"}).json()
    as_bob.delete(f"{URL}/{row['id']}")
    closed, tripped = LogEntry.objects.filter(object_pk=str(model.pk)).order_by("-pk")
    assert tripped.changes["use"][1].endswith("UTC: nonsense")
    assert closed.changes["use"][0].startswith("stopped since ")
    assert {entry.additional_data["by"] for entry in (closed, tripped)} == {"bob"}


def test_a_trip_that_is_over_is_listed_no_more(as_bob):
    as_bob.post(URL, {"deployment_id": str(make_model().pk), "for_s": 60, "why": "test"})
    BreakerTrip.objects.update(until=timezone.now())
    assert (as_bob.get(URL).json()["total"], current_trips()) == (0, {})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"for_s": 0}, "for_s"),
        ({"for_s": -1}, "for_s"),
        ({"for_s": 7 * 86_400 + 1}, "for_s"),
        ({"for_s": "NaN"}, "for_s"),
        ({"for_s": None}, "for_s"),
        ({"for_s": True}, "for_s"),
        ({"why": ""}, "why"),
        ({"why": " "}, "why"),
        ({"why": "x" * 201}, "why"),
        ({"why": "a\x00b"}, "why"),
        ({"deployment_id": "x"}, "deployment_id"),
        ({"deployment_id": str(uuid4())}, "deployment_id"),
        ({"provider_id": str(uuid4())}, "provider_id"),
        ({"until": "tomorrow"}, "until"),
    ],
)
def test_bad_input_names_the_field(as_bob, change, field):
    body = {"deployment_id": str(make_model().pk), "for_s": 60, "why": "test"} | change
    answer = as_bob.post(URL, body, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, [field]), answer.json()
    assert not BreakerTrip.objects.exists()


def test_one_of_the_two_ids_is_needed_and_a_provider_must_exist(as_bob):
    for ids, field in (({}, "deployment_id"), ({"provider_id": str(uuid4())}, "provider_id")):
        answer = as_bob.post(URL, {**ids, "for_s": 60, "why": "test"})
        assert (answer.status_code, list(answer.json())) == (400, [field])
