"""What deployments of a run can take at a time: given, measured or anything; kept with the run, and told."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from engine.rehearsal.capacity import MOST_QUEUED, Capacity
from engine.rehearsal.jobs import Job
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
from tester import actions
from tester.comparing.planning import Against, plan_comparison
from tester.models import Run
from tester.run_planning import RunRequest, plan
from tester.runs.brief_rehearsal import job_of
from tester.runs.run_capacities import capacities_in
from tests.tester.conftest import Simulate
from tests.usage.logged_attempts import log
from tests.usage.test_capacity_fit import before_slots
from usage.health import latency
from usage.models import RequestRecord

FOUR = Capacity(4, 6)


@pytest.fixture
def crowded(ids: list[str]) -> str:
    """The second deployment of the group, with four slots and a queue of six before them."""
    log(ids[1], before_slots(1, slots=4, per_s=2.2, queue=6, count=700))
    return ids[1]


def capacities_of(job: Job) -> list[Capacity | None]:
    return [row.capacity for row in job.spec.deployments]


def test_what_was_measured_limits_a_run_and_is_told(group, ids, crowded):
    planned = plan(group, RunRequest())
    assert capacities_of(planned.job) == [None, FOUR]
    first, second = (planned.config["capacities"][name] for name in ids)
    assert first == {"source": "none", "why": "too_few_rows", "rows": 0, "most_at_once": 0}
    assert second.pop("rows") > 300
    assert second == {"source": "measured", "slots": 4, "queue": 6, "most_at_once": 10}


def test_a_deployments_own_capacity_wins(group, ids, crowded):
    group.deployments.filter(model=crowded).update(capacity={"slots": 9})
    planned = plan(group, RunRequest())
    assert capacities_of(planned.job) == [None, Capacity(9)]
    assert planned.config["capacities"][crowded] == {"source": "given", "slots": 9}


def test_nothing_is_limited_where_the_log_shows_no_limit(group, ids):
    log(ids[0], before_slots(1, slots=1500, per_s=20, count=400))
    planned = plan(group, RunRequest())
    assert capacities_of(planned.job) == [None, None]
    told = planned.config["capacities"][ids[0]]
    assert (told["source"], told["why"], told["rows"]) == ("none", "no_limit_seen", 400)


def test_a_seed_keeps_the_capacities_of_its_first_run(group, crowded, alice, monkeypatch):
    actions.create_run(by=alice, plan=plan(group, RunRequest(seed=1)))
    RequestRecord.objects.all().delete()
    monkeypatch.setattr(latency, "FITS", latency.Fits())
    assert capacities_of(plan(group, RunRequest(seed=1)).job) == [None, FOUR]
    assert capacities_of(plan(group, RunRequest(seed=2)).job) == [None, None]
    group.revision += 1
    assert capacities_of(plan(group, RunRequest(seed=1)).job) == [None, None]


def test_a_seed_that_an_older_version_ran_is_as_unlimited_as_it_was(group, ids, alice):
    run = actions.create_run(by=alice, plan=plan(group, RunRequest(seed=1)))
    del run.config["capacities"]
    run.save()
    log(ids[1], before_slots(1, slots=4, per_s=2.2, queue=6, count=700))
    again = plan(group, RunRequest(seed=1))
    assert capacities_of(again.job) == [None, None]
    assert again.config["capacities"][ids[1]] == {"source": "none", "why": "not_measured"}
    assert capacities_in(run.config) == {}


def test_given_profiles_leave_the_measured_capacity(group, crowded):
    given = {crowded: {"first_token_ms": 5}}
    assert capacities_of(plan(group, RunRequest(profiles=given)).job) == [None, FOUR]


def test_real_requests_meet_what_is_there(group, crowded):
    planned = plan(group, RunRequest(mock=False, num_requests=1))
    assert capacities_of(planned.job) == [None, None]
    assert planned.config["capacities"] == {}


def test_both_sides_of_a_comparison_and_a_draft_have_it(group, crowded):
    for against in (Against(router="litellm"), Against(revision=group.revision)):
        compared = plan_comparison(group, against, RunRequest(), seeds=2)
        assert FOUR in capacities_of(compared.a)
        assert FOUR in capacities_of(compared.b)
    assert capacities_of(job_of(specs_with_fallbacks(group), "healthy")) == [None, FOUR]


def test_a_rehearsal_refuses_what_the_upstream_would(group: RoutingGroup, crowded: str, as_bob: APIClient, url: str):
    def success(*more: dict[str, Any]) -> float:
        workload = {"kind": "constant", "rate_per_s": 14, "num_requests": 280}
        faults = [{"kind": "outage", "target": "primary"}, *more]
        body = {"seed": 5, "seeds": 1, "workload": workload, "scenario": {"faults": faults}}
        answer = as_bob.post(url, body)
        assert answer.status_code == 200, answer.content
        result = answer.json()
        share: float = result["successful_requests"] / result["total_requests"]
        return share

    assert success() < 0.5
    unlimited = {"kind": "capacity", "target": crowded, "slots": 1000}
    assert success(unlimited) > 0.99, "a capacity in the scenario wins"


def test_the_run_tells_it_over_the_api(simulate: Simulate, crowded: str, as_charlie: APIClient):
    run = as_charlie.get(f"/v1/runs/{simulate(num_requests=5, seed=3)['run_id']}").json()
    assert run["config"]["capacities"][crowded]["source"] == "measured"
    again = simulate(num_requests=5, seed=3)
    assert Run.objects.get(pk=again["run_id"]).config["capacities"] == run["config"]["capacities"]


def test_capacities_are_told_in_words(group, crowded):
    told = [str(one) for one in capacities_in(plan(group, RunRequest()).config).values()]
    assert told[0] == "no limit: too few answers to tell"
    assert told[1].startswith("4 at a time, 6 wait; measured: ")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"slots": 2}, "2 at a time, none waits; given"),
        (
            {"slots": 2, "queue": MOST_QUEUED, "decode_tokens_per_s": 300},
            "2 at a time, others wait, 300 tokens/s written by all together; given",
        ),
        ({"slots": 100_000, "queue": 0}, "no limit; given"),
    ],
)
def test_a_given_capacity_is_told_in_words(row: dict[str, Any], words: str):
    (known,) = capacities_in({"capacities": {"a": {"source": "given", **row}}}).values()
    assert str(known) == words
    assert known.to_json() == {"source": "given", **row}
