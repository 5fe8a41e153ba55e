"""`mock: false`: real requests over real sockets, with a price that is said first, a cap, and a way to stop."""

from __future__ import annotations

import pytest

from providers.demo.behaviour import PROVIDERS, api_base
from tester import actions
from tester.models import Run, RunStatus
from tester.run_planning import RunRequest, plan
from tester.runs.conduct import conduct
from tests.factories import make_group, make_model, make_provider
from tests.fakes import Hang, Ok, ScriptedUpstream, Status
from tests.pace import Stopwatch

FREE = {"input_cost_per_million": 0, "output_cost_per_million": 0}
PRICED = {"input_cost_per_million": 1, "output_cost_per_million": 2}


def group_at(*urls: str, **prices):
    models = [make_model(provider=make_provider(api_base=url, key="sk-upstream-of-a-test"), **prices) for url in urls]
    retry, cooldown = {"num_retries": 0, "timeout_s": 5}, {"cooldown_time_s": 0}
    return make_group(strategy="priority-failover", models=models, retry_config=retry, cooldown_config=cooldown)


def simulate(client, group, **asked):
    return client.post(f"/v1/routing_group/{group.pk}/simulate", {"mock": False, **asked})


def test_real_requests_reach_the_upstream_with_its_key_and_the_result_is_the_same_shape(as_bob, upstream):
    answer = simulate(as_bob, group_at(upstream.url, **FREE), num_requests=12, concurrency=3)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["successful_requests"], upstream.count) == (12, 12)
    assert upstream.most_in_flight <= 3
    assert upstream.seen[0].headers["authorization"] == "Bearer sk-upstream-of-a-test"
    run = as_bob.get(f"/v1/runs/{answer.json()['run_id']}").json()
    assert (run["is_real"], run["config"]["mock"]) == (True, False)
    assert as_bob.get(f"/v1/runs/{run['run_id']}/traces").json()["total"] == 12


def test_real_failures_fall_back_for_real(as_bob, upstream):
    upstream.usual = Status(503)
    with ScriptedUpstream() as second:
        result = simulate(as_bob, group_at(upstream.url, second.url, **FREE), num_requests=6).json()
        assert (result["successful_requests"], result["fallback_count"], second.count) == (6, 6, 6)


def test_streams_too(as_bob, upstream):
    asked = {"num_requests": 4, "workload": {"is_stream": True}}
    assert simulate(as_bob, group_at(upstream.url, **FREE), **asked).json()["successful_requests"] == 4
    assert upstream.seen[0].is_stream


def test_a_run_that_would_cost_more_than_wanted_does_not_start(as_bob, upstream):
    group = group_at(upstream.url, **PRICED)
    refused = simulate(as_bob, group, num_requests=5, max_cost_usd=0)
    assert refused.status_code == 400
    said = refused.json()["max_cost_usd"][0]
    assert said.startswith("About $0.0")
    assert not Run.objects.exists()
    assert upstream.count == 0
    usd = float(said.split("$")[1].split()[0])
    assert simulate(as_bob, group, num_requests=5, max_cost_usd=usd).status_code == 200
    assert upstream.count == 5
    assert 0 < Run.objects.get().config["estimated_cost_usd"] <= usd


def test_no_limit_can_be_kept_where_a_price_is_unknown(as_bob, upstream):
    group = group_at(upstream.url)
    assert "unknown" in simulate(as_bob, group, num_requests=2, max_cost_usd=1).json()["max_cost_usd"][0]
    assert simulate(as_bob, group, num_requests=2).status_code == 200
    assert Run.objects.get().config["estimated_cost_usd"] is None


def test_the_demo_costs_nothing(settings, db):
    settings.DEMO = True
    group = group_at(api_base(PROVIDERS["nebius"]), **PRICED)
    assert plan(group, RunRequest(mock=False)).job.is_real


def test_the_cap_is_a_setting(as_bob, upstream, settings):
    settings.REAL_RUN_MAX_REQUESTS = 3
    assert simulate(as_bob, group_at(upstream.url, **FREE), num_requests=4).status_code == 400
    assert upstream.count == 0


def test_an_unreachable_upstream_fails_requests_not_the_run(as_bob):
    result = simulate(as_bob, group_at("http://127.0.0.1:9/v1", **FREE), num_requests=3).json()
    assert (result["failed_requests"], result["successful_requests"]) == (3, 0)


@pytest.mark.parametrize("usual", [Ok(delay_s=0.05), Hang()], ids=["answering", "hanging"])
def test_it_can_be_stopped_within_a_second_or_so(upstream, alice, usual):
    upstream.usual = usual
    planned = plan(group_at(upstream.url, **FREE), RunRequest(mock=False, num_requests=200, concurrency=2))
    run = actions.create_run(by=alice, plan=planned)
    asked: list[Stopwatch] = []

    def cancel(_) -> None:
        if upstream.count and not asked:
            Run.objects.update(cancel_requested=True)
            asked.append(Stopwatch())

    assert conduct(run, planned.job, on_frame=cancel).status == RunStatus.CANCELLED
    assert asked[0].elapsed_s < 2.5
    assert upstream.count < 200
    assert usual != Hang() or upstream.saw_disconnect()
