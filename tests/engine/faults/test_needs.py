"""What scenarios need from the traffic, and how it fills the gaps of what is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from engine.exceptions import BadInput
from engine.faults.needs import Needs, workload_for
from engine.faults.scenarios import SCENARIOS, parse_scenario
from engine.rehearsal.workload import Workload
from tests.engine.scripted import group

OUTAGE = Needs(90, 5)
STREAMS = Needs(60, 5, is_stream=True, input_tokens=1500)
TRACE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "2023-11-16 18:17:03.97,48,10\n" * 7


def own(*faults: dict[str, Any], **fields: Any) -> Needs:
    return parse_scenario({"faults": list(faults), **fields}, spec=group()).needs


def shape(workload: Workload) -> tuple[Any, ...]:
    return workload.kind, workload.num_requests, workload.rate_per_s or workload.concurrency


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_shipped_scenario_states_what_it_needs_and_every_fault_begins_in_that_time(name: str):
    scenario = SCENARIOS[name]
    assert scenario.stated is not None
    assert all(fault.from_s + 20 <= scenario.needs.duration_s for fault in scenario.faults)
    assert Needs.from_json(scenario.needs.to_json()) == scenario.needs


def test_without_a_scenario_it_is_a_closed_loop_of_a_hundred():
    assert shape(workload_for(None, None)) == ("closed", 100, 10)
    assert shape(workload_for(SCENARIOS["healthy"].needs, None)) == ("closed", 100, 10)


def test_a_request_that_says_nothing_takes_all_of_it_from_the_scenario():
    workload = workload_for(STREAMS, None)
    assert shape(workload) == ("poisson", 300, 5)
    assert (workload.is_stream, workload.input_tokens) == (True, 1500)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"num_requests": 40}, ("poisson", 40, 5)),
        ({"num_requests": 40, "concurrency": 3}, ("closed", 40, 3)),
        ({"concurrency": 3}, ("closed", 450, 3)),
        ({"data": {"num_requests": 40}}, ("poisson", 40, 5)),
        ({"data": {"rate_per_s": 20}}, ("poisson", 1800, 20)),
        ({"data": {"kind": "constant"}}, ("constant", 450, 5)),
        ({"data": {"kind": "constant", "rate_per_s": 2}}, ("constant", 180, 2)),
        ({"data": {"kind": "constant", "rate_per_s": 2}, "num_requests": 7, "concurrency": 9}, ("constant", 7, 2)),
        ({"data": {"kind": "closed"}}, ("closed", 450, 10)),
        ({"data": {"concurrency": 2}}, ("closed", 450, 2)),
        ({"data": {"kind": "bursty", "burst_size": 3, "burst_every_s": 30}}, ("bursty", 12, 10)),
        ({"data": {"kind": "trace", "trace": TRACE}}, ("trace", 7, 10)),
        ({"data": {"kind": "trace", "arrivals": [[0, 1, 1]] * 5}}, ("trace", 5, 10)),
    ],
)
def test_what_is_given_wins_one_by_one(given: dict[str, Any], wanted: tuple[Any, ...]):
    assert shape(workload_for(OUTAGE, given.pop("data", None), **given)) == wanted


def test_streams_and_sizes_that_are_given_win_too():
    workload = workload_for(STREAMS, {"is_stream": False, "input_tokens": 10})
    assert (workload.is_stream, workload.input_tokens) == (False, 10)


@pytest.mark.parametrize("data", [[], {"rate_per_s": "x"}, {"kind": "tide"}, {"burst_size": 3}, {"speed": 1}])
def test_nonsense_is_refused_as_ever(data: Any):
    with pytest.raises(BadInput):
        workload_for(OUTAGE, data)


# Scenarios of one's own


def test_an_own_scenario_may_say_what_it_needs():
    assert own({"kind": "outage", "target": "*"}, needs={"duration_s": 12, "rate_per_s": 3}) == Needs(12, 3)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ({"kind": "outage", "from_s": 30, "until_s": 60}, Needs(80, 5)),
        ({"kind": "outage", "from_s": 30}, Needs(90, 5)),
        ({"kind": "flapping", "period_s": 100, "down_s": 10}, Needs(200, 5)),
        ({"kind": "quota", "rpm": 600}, Needs(60, 20)),
        ({"kind": "quota", "tpm": 600_000}, Needs(60, 100_000 / 3000)),
        ({"kind": "context_too_long", "limit_tokens": 8000}, Needs(60, 5, input_tokens=8000)),
        ({"kind": "stream_cut"}, Needs(60, 5, is_stream=True)),
        ({"kind": "outage", "from_s": 9940}, Needs(10_000, 1)),
    ],
)
def test_one_that_does_not_say_gets_what_its_faults_need(fault: dict[str, Any], wanted: Needs):
    assert own({"target": "*", **fault}) == wanted


def test_one_without_faults_needs_nothing_in_particular():
    assert shape(workload_for(own(), None)) == ("closed", 100, 10)


@pytest.mark.parametrize(
    "needs", [[], {}, {"duration_s": 0}, {"duration_s": 10, "rate_per_s": -1}, {"duration_s": 10, "colour": "red"}]
)
def test_needs_that_make_no_sense_are_refused_by_their_path(needs: Any):
    with pytest.raises(BadInput) as refused:
        own({"kind": "outage", "target": "*"}, needs=needs)
    assert refused.value.field.startswith("scenario.needs")
