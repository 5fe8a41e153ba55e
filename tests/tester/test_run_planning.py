"""What a job is made of: the group, the groups it falls back on, and how fast its deployments are."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from engine.exceptions import BadInput
from engine.rehearsal.jobs import Job
from groups.specs import specs_with_fallbacks
from tester import actions
from tester.run_planning import RunRequest, plan
from tester.runs.cost_estimate import INPUT_TOKENS, estimate
from tests.factories import make_group, make_model, make_provider
from usage.models import RequestRecord


def falling_back_to(name: str, *names: str, **fields):
    provider = make_provider(key="sk-secret-of-the-provider")
    return make_group(
        name=name, models=[make_model(provider=provider)], fallback_config={"fallback_groups": list(names)}, **fields
    )


def test_fallback_groups_come_along_as_far_as_they_lead(db, django_assert_num_queries):
    for name, after in (("b", "c"), ("c", "d"), ("d", "e"), ("other", "b")):
        falling_back_to(name, after, is_active=name != "d")
    falling_back_to("e")
    group = falling_back_to("a", "b", is_active=False)
    with django_assert_num_queries(3):
        specs = specs_with_fallbacks(group)
    assert [spec.name for spec in specs] == ["a", "b", "c"]


def test_a_circle_is_walked_once(db):
    falling_back_to("b", "a")
    assert [spec.name for spec in specs_with_fallbacks(falling_back_to("a", "b", "a"))] == ["a", "b"]


def test_a_mock_job_holds_no_key_and_a_real_one_never_writes_it(db):
    group = falling_back_to("a")
    mock, real = (plan(group, RunRequest(mock=mock, num_requests=1)) for mock in (True, False))
    assert mock.job.spec.deployments[0].api_key is None
    assert real.job.spec.deployments[0].api_key.reveal() == "sk-secret-of-the-provider"
    assert "sk-secret" not in json.dumps([mock.job.to_json(), mock.config, real.job.to_json(), real.config])


def test_the_configuration_says_all_that_was_understood(group):
    planned = plan(group, RunRequest(workload={"kind": "constant", "rate_per_s": 2}, scenario="slow-creep", seed=4))
    config = json.loads(json.dumps(planned.config))
    assert (config["num_requests"], config["concurrency"], config["seed"], config["mock"]) == (600, 10, 4, True)
    assert config["scenario"]["name"] == "slow-creep"
    assert Job.from_json(json.loads(json.dumps(planned.job.to_json()))) == planned.job


def record(model_id: str, first_token_ms: float) -> None:
    attempt: dict[str, Any] = {
        "deployment_id": model_id,
        "status": "success",
        "duration_ms": 2000.0,
        "first_token_ms": first_token_ms,
    }
    RequestRecord.objects.create(
        call_id=f"{model_id}-{first_token_ms}",
        model_group="chat",
        deployment_id=model_id,
        outcome="answered",
        started_at=timezone.now(),
        duration_ms=2000,
        status=200,
        is_stream=True,
        output_tokens=100,
        attempts=[attempt],
    )


def test_what_was_measured_wins_over_the_default(group, ids):
    record(ids[0], 1000.0)
    profiles = plan(group, RunRequest()).config["profiles"]
    assert (profiles[ids[0]]["first_token_ms"], profiles[ids[0]]["source"]) == (1000.0, "measured")
    assert profiles[ids[1]]["source"] == "default"


def test_a_seed_keeps_the_profiles_of_its_first_run(group, ids, alice):
    actions.create_run(by=alice, plan=plan(group, RunRequest(seed=1)))
    record(ids[0], 1000.0)
    actions.create_run(by=alice, plan=plan(group, RunRequest(seed=2)))
    record(ids[0], 1900.0)
    first_token_ms = [plan(group, RunRequest(seed=s)).config["profiles"][ids[0]]["first_token_ms"] for s in (1, 2, 3)]
    assert first_token_ms == [400.0, 1000.0, 1450.0]
    group.revision += 1
    assert plan(group, RunRequest(seed=1)).config["profiles"][ids[0]]["source"] == "measured"


def test_a_seed_says_whose_profiles_it_has_and_that_there_are_newer_measurements(group, ids, alice):
    assert "profiles_from" not in plan(group, RunRequest(seed=1)).config
    run = actions.create_run(by=alice, plan=plan(group, RunRequest(seed=1)))
    told = {"run_id": str(run.pk), "created_at": run.created_at.isoformat(), "newer_measured_at": None}
    assert plan(group, RunRequest(seed=1)).config["profiles_from"] == told
    soon = run.created_at + timedelta(seconds=2)
    record(ids[0], 1000.0)
    RequestRecord.objects.update(started_at=soon)
    told["newer_measured_at"] = soon.isoformat(timespec="seconds")
    assert plan(group, RunRequest(seed=1)).config["profiles_from"] == told


def test_given_profiles_win_and_are_nobody_elses(group, ids, alice):
    given = {ids[0]: {"first_token_ms": {"samples": [5, 7]}}}
    first = plan(group, RunRequest(seed=1, profiles=given))
    actions.create_run(by=alice, plan=first)
    stored = first.config["profiles"]
    assert (stored[ids[0]]["first_token_ms"], stored[ids[0]]["source"]) == ({"samples": [5.0, 7.0]}, "given")
    assert stored[ids[1]]["source"] == "default"
    for _ in range(2):  # also once the second run is there, which the seed's deployment has its profile from
        record(ids[1], 800.0)
        again = plan(group, RunRequest(seed=1))
        assert [again.config["profiles"][name]["source"] for name in ids] == ["default", "default"]
        actions.create_run(by=alice, plan=again)
        RequestRecord.objects.all().delete()


def test_a_run_repeated_with_its_stored_profiles_is_the_same(group, ids):
    record(ids[0], 1000.0)
    config = plan(group, RunRequest(seed=1)).config
    again = plan(group, RunRequest(seed=1, profiles=config["profiles"])).config
    assert again["profiles"][ids[0]]["first_token_ms"] == config["profiles"][ids[0]]["first_token_ms"]


@pytest.mark.parametrize(
    ("profiles", "field"),
    [
        ({"nobody": {"first_token_ms": 1}}, "profiles.nobody"),
        ([], "profiles"),
        ({"ID": 5}, "profiles.ID"),
        ({"ID": {}}, "profiles.ID"),
        ({"ID": {"first_token_ms": {"samples": ["x"]}}}, "profiles.ID.first_token_ms.samples[0]"),
        ({"ID": {"tokens_per_s": -1}}, "profiles.ID.tokens_per_s"),
        ({"ID": {"tokens_per_s": 5, "prefill": 5}}, "profiles.ID.prefill"),
    ],
)
def test_a_wrong_profile_is_named_by_its_path(group, ids, profiles: Any, field: str):
    asked = json.loads(json.dumps(profiles).replace("ID", ids[0]))
    with pytest.raises(BadInput) as caught:
        plan(group, RunRequest(profiles=asked))
    assert caught.value.field == field.replace("ID", ids[0])


def test_real_requests_take_no_profiles(group, ids):
    with pytest.raises(BadInput) as caught:
        plan(group, RunRequest(mock=False, profiles={ids[0]: {"first_token_ms": 1}}))
    assert caught.value.field == "profiles"


def test_planning_costs_few_queries(group, django_assert_num_queries):
    # Three for the groups, the measurements of two deployments, the seed's first run, the gateway's own time there
    # and in the log, the picture.
    with django_assert_num_queries(9):
        plan(group, RunRequest(seed=1))


def test_the_estimate_is_that_of_the_dearest_deployment(db):
    group = make_group(models=[make_model(input_cost_per_million=n, output_cost_per_million=0) for n in (1, 5)])
    asked = RunRequest(mock=False, num_requests=100)
    assert estimate(plan(group, asked).job).usd == pytest.approx(100 * INPUT_TOKENS * 5 / 1e6)


@pytest.mark.django_db
@pytest.mark.parametrize("price", ["0.000001", "0.13", "1", "75", "1000"])
def test_what_the_estimate_says_is_enough_to_go_on_and_not_much_more(price):
    group = make_group(models=[make_model(input_cost_per_million=price, output_cost_per_million=price)])
    asked: dict[str, Any] = {"mock": False, "num_requests": 7}
    with pytest.raises(BadInput) as refused:
        plan(group, RunRequest(**asked, max_cost_usd=0))
    said = float(refused.value.message.split("$")[1].split()[0])
    planned = plan(group, RunRequest(**asked, max_cost_usd=said))
    assert estimate(planned.job).usd <= said <= estimate(planned.job).usd * 1.2 + 1e-8
