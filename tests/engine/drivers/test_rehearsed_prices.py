"""Prices that change in a run: where cost-based routing sends requests, and what answers cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.drivers.rehearsed_prices import repriced
from engine.drivers.simulation import simulate
from engine.exceptions import BadInput
from engine.faults.kinds import PriceChange
from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import parse_workload
from engine.spec import GroupSpec, Strategy
from tests.engine.scripted import deployment, group
from tests.engine.working import traces_in

STEADY = Profile(first_token_ms=200, tokens_per_s=100, jitter=0)


def priced(name: str, dollars: float) -> Any:
    """A deployment of so many dollars per million tokens, read or written."""
    prices = {"input_cost_per_token_usd": dollars / 1e6, "output_cost_per_token_usd": dollars / 1e6}
    return deployment(name, provider=f"of {name}", **prices)


GROUP = group(strategy=Strategy.COST_BASED, deployments=(priced("cheap", 1), priced("dear", 3)))


def ran(*faults: dict[str, Any], spec: GroupSpec = GROUP, count: int = 10) -> tuple[list[dict[str, Any]], Any]:
    """The traces of a request a second, each of 1,000 tokens in and 1,000 out, and the last message."""
    scenario = parse_scenario({"faults": [{"kind": "price", **fault} for fault in faults]}, spec=spec)
    arrivals = [[second, 1000, 1000] for second in range(count)]
    workload = parse_workload({"kind": "trace", "arrivals": arrivals})
    profiles = {row.deployment_id: STEADY for row in spec.deployments}
    job = Job((spec,), workload, scenario, 1, profiles)
    told: list[dict[str, Any]] = []
    simulate(Job.from_json(json.loads(json.dumps(job.to_json()))), emit=told.append)
    return sorted(traces_in(told), key=lambda row: row["index"]), told[-1]["result"]


def asked(traces: list[dict[str, Any]]) -> str:
    """The first letters of those that answered, in order."""
    return "".join(row["deployment_id"][0] for row in traces)


def test_cost_based_routing_follows_a_price_and_comes_back():
    traces, _ = ran({"target": "cheap", "factor": 5, "from_s": 3, "until_s": 7})
    assert asked(traces) == "cccddddccc"


def test_a_price_may_fall_from_the_start():
    traces, result = ran({"target": "dear", "input_cost_per_million": 0.5, "output_cost_per_million": 0.25})
    assert asked(traces) == "d" * 10
    assert result["cost_usd"] == pytest.approx(10 * (0.5e-3 + 0.25e-3))


def test_an_answer_costs_the_price_at_its_end():
    lone = group(deployments=(priced("cheap", 1),))
    traces, result = ran({"target": "*", "factor": 2, "from_s": 15}, spec=lone)
    # Each takes 10.2 s, so the first five end before the change.
    assert [row["cost_usd"] for row in traces] == pytest.approx([0.002] * 5 + [0.004] * 5)
    assert result["cost_usd"] == pytest.approx(0.03)


def test_prices_of_a_provider_and_of_all_come_together():
    traces, _ = ran({"target": "provider:of cheap", "factor": 2}, {"target": "*", "factor": 2}, count=1)
    assert traces[0]["cost_usd"] == pytest.approx(4 * 0.002)


def test_a_run_does_not_last_until_a_price_changes_back():
    _, result = ran({"target": "cheap", "factor": 5, "until_s": 5000}, count=1)
    assert result["virtual_duration_ms"] == 10_200


def test_a_price_that_never_changed_is_named_and_one_that_drove_traffic_away_is_not():
    _, result = ran({"target": "cheap", "factor": 5}, {"target": "dear", "factor": 2, "from_s": 900})
    (missed,) = result["faults_not_struck"]
    assert missed["target"] == "dear"
    assert "before it began" in missed["message"]


def test_what_nobody_knows_stays_unknown_and_cached_input_follows_a_factor():
    unknown = repriced(deployment("a"), PriceChange(factor=3))
    assert unknown.input_cost_per_token_usd is None
    row = repriced(deployment("a", cached_input_cost_per_token_usd=1e-6), PriceChange(factor=3))
    assert row.cached_input_cost_per_token_usd == pytest.approx(3e-6)


@pytest.mark.parametrize(
    ("fault", "field", "why"),
    [
        ({}, "factor", "Give a factor, or the new prices"),
        ({"factor": 2, "input_cost_per_million": 1}, "factor", "Give a factor, or the new prices"),
        ({"factor": -1}, "factor", "Give a number from 0 to 1,000."),
        ({"output_cost_per_million": "1"}, "output_cost_per_million", "Give a number from 0 to 1,000,000."),
        ({"factor": 2, "probability": 0.5}, "probability", "All requests pay the same price."),
    ],
)
def test_a_price_that_is_none_is_refused(fault: dict[str, Any], field: str, why: str):
    with pytest.raises(BadInput) as refused:
        ran({"target": "cheap", **fault})
    assert refused.value.field == f"scenario.faults[0].{field}"
    assert refused.value.message.startswith(why)
