"""Named scenarios and those of a file: what is listed, what is read, and that a rehearsal takes what they need."""

from __future__ import annotations

import json

import pytest

from engine.exceptions import BadInput
from engine.faults.scenarios import SCENARIOS
from tester.management.commands.rehearse import scenario_in
from tester.models import Run
from tester.run_planning import RunRequest, plan
from tests.tester.test_rehearse_command import exit_code, rehearse

URL = "/v1/scenarios"
OWN = {"name": "mine", "faults": [{"kind": "outage", "target": "*", "until_s": 1}], "needs": {"duration_s": 4}}


@pytest.mark.django_db
def test_a_viewer_lists_them_with_what_they_do_and_need(as_charlie, django_assert_num_queries):
    as_charlie.get(URL)
    with django_assert_num_queries(2):  # the key and its person
        answer = as_charlie.get(URL)
    listed = {row["name"]: row for row in answer.json()["scenarios"]}
    assert list(listed) == list(SCENARIOS)
    assert all(row["description"].endswith(".") for row in listed.values())
    assert listed["primary-outage"]["needs"] == {"duration_s": 90, "rate_per_s": 5}
    assert listed["broken-streams"]["needs"] == {"duration_s": 90, "rate_per_s": 5, "is_stream": True}
    assert listed["small-context"]["needs"]["input_tokens"] == 1500
    assert listed["primary-outage"]["faults"][0]["kind"] == "outage"


@pytest.mark.django_db
def test_strangers_and_other_methods_are_refused(as_dora, as_nobody, as_bob):
    assert (as_dora.get(URL).status_code, as_nobody.get(URL).status_code) == (403, 401)
    assert as_bob.post(URL, {}).status_code in (403, 405)


def workload(group, **asked) -> tuple[object, ...]:
    found = plan(group, RunRequest(**asked)).job.workload
    return found.kind, found.num_requests, found.rate_per_s, found.is_stream


def test_a_rehearsal_takes_what_its_scenario_needs_and_a_hundred_without_one(group):
    assert workload(group) == ("closed", 100, None, False)
    assert workload(group, scenario="broken-streams") == ("poisson", 450, 5, True)
    assert workload(group, scenario="broken-streams", num_requests=9, concurrency=2) == ("closed", 9, None, True)
    assert workload(group, scenario=OWN) == ("closed", 100, None, False)


@pytest.mark.parametrize("scenario", [None, "healthy"])
def test_failure_rates_alone_change_nothing_about_the_traffic(group, ids, scenario):
    rates = {"deployment_failure_rates": {ids[0]: 0.5}}
    assert workload(group, scenario=scenario, failure_injection=rates) == ("closed", 100, None, False)


def test_the_configuration_of_a_run_sent_again_is_the_same_run(group):
    first = plan(group, RunRequest(scenario="small-context", seed=1)).config
    again = plan(
        group,
        RunRequest(**{name: first[name] for name in ("num_requests", "concurrency", "seed", "scenario", "workload")}),
    )
    assert again.config["workload"] == first["workload"]


# Files


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OWN),
        "\ufeff" + json.dumps(OWN),
        "name: mine\nneeds: {duration_s: 4}\nfaults:\n- {kind: outage, target: '*', until_s: 1}",
    ],
)
def test_a_file_is_json_or_yaml(text):
    assert scenario_in(text) == OWN


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a scenario"),
        ("[1]", "not a scenario"),
        ("- a", "not a scenario"),
        ("primary-outage", "not a scenario"),
        ('{"faults": [', "not valid JSON"),
        ('{"name": "a\\u0000"}', "can't be stored"),
        ("faults: [", "line 2, column 1"),
        ("name: a\nname: b", "is there twice"),
        ("a: &a [*a]", "alias"),
        ("a" * 1024**2 + "b", "larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_scenario_says_where_and_why(text, why):
    with pytest.raises(BadInput, match=why):
        scenario_in(text)


def test_the_command_rehearses_a_scenario_of_a_file(group, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(OWN))
    out, _ = rehearse("chat", "--seed", "7", "--scenario-file", str(path), "--json")
    assert json.loads(out)["total_requests"] == 100
    assert Run.objects.get().scenario == "mine"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps({"faults": [{"kind": "gremlins", "target": "*"}]}), "scenario.faults[0].kind"),
        ("faults: 3", "scenario.faults: Give a list"),
        ("faults: [", "scenario file: line 2"),
        (None, "can't be read"),
    ],
)
def test_a_bad_file_exits_2_and_names_the_place(group, tmp_path, text, says):
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    code, message = exit_code("chat", "--scenario-file", str(path))
    assert code == 2
    assert says in message
    assert not Run.objects.exists()
