import json
import os
import random
import statistics
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exceptions import BadInput
from engine.rehearsal.recorded_traffic import read_trace
from engine.rehearsal.workload import Arrival, Workload, parse_workload
from tests.engine.faults.test_scenarios import JSON, NUMBERS

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens"
TRACE = f"{HEADER}\r\n2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319600,3180,8"
FIELDS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["closed", "constant", "poisson", "bursty", "trace"]) | JSON},
    optional={
        **dict.fromkeys(("rate_per_s", "burst_size", "burst_every_s", "speed_up"), NUMBERS),
        **dict.fromkeys(("input_tokens", "output_tokens", "num_requests", "concurrency"), NUMBERS),
        "is_stream": st.booleans() | JSON,
        "arrivals": st.lists(st.tuples(st.floats(0, 9), st.integers(0, 9), st.integers(0, 9)).map(list)) | JSON,
        "trace": st.just(TRACE) | st.text() | JSON,
    },
)


def schedule(seed: int = 1, **data: Any) -> list[Arrival]:
    count = data.pop("num_requests", None)
    return list(parse_workload(data, num_requests=count).schedule(random.Random(seed)))


# Arrivals


def test_the_default_is_a_closed_loop():
    workload = parse_workload(None)
    assert (workload.kind, workload.num_requests, workload.concurrency) == ("closed", 100, 10)
    assert {arrival.at_s for arrival in workload.schedule(random.Random(1))} == {0.0}


def test_a_constant_rate_is_even():
    moments = [arrival.at_s for arrival in schedule(kind="constant", rate_per_s=4, num_requests=5)]
    assert moments == [0, 0.25, 0.5, 0.75, 1]


def test_poisson_arrivals_have_the_rate_and_the_deviation_they_should():
    moments = [arrival.at_s for arrival in schedule(kind="poisson", rate_per_s=20, num_requests=20_000)]
    gaps = [after - before for before, after in pairwise(moments)]
    assert min(gaps) >= 0
    assert statistics.fmean(gaps) == pytest.approx(1 / 20, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(1 / 20, rel=0.05)


def test_bursts_come_at_once_and_then_nothing():
    moments = [a.at_s for a in schedule(kind="bursty", burst_size=3, burst_every_s=10, num_requests=7)]
    assert moments == [0, 0, 0, 10, 10, 10, 20]


def test_a_trace_is_replayed_as_it_was_or_faster():
    assert schedule(kind="trace", trace=TRACE) == [Arrival(0, 4808, 10), Arrival(0.052, 3180, 8)]
    assert schedule(kind="trace", trace=TRACE, speed_up=2)[1].at_s == 0.026


def test_of_a_trace_only_as_many_requests_as_asked_for():
    assert len(schedule(kind="trace", trace=TRACE, num_requests=1)) == 1
    assert parse_workload({"kind": "trace", "trace": TRACE}, num_requests=50).num_requests == 2


def test_sizes_vary_around_their_means():
    arrivals = schedule(num_requests=20_000, input_tokens=800, output_tokens=50)
    assert statistics.fmean(a.input_tokens for a in arrivals) == pytest.approx(800, rel=0.02)
    assert statistics.fmean(a.output_tokens for a in arrivals) == pytest.approx(50, rel=0.02)
    assert statistics.stdev(a.input_tokens for a in arrivals) == pytest.approx(400, rel=0.06)


def test_a_request_has_at_least_one_token_unless_none_are_wanted():
    arrivals = schedule(num_requests=1000, input_tokens=1, output_tokens=0)
    assert min(a.input_tokens for a in arrivals) == 1
    assert {a.output_tokens for a in arrivals} == {0}


def test_the_same_seed_gives_the_same_requests():
    assert schedule(kind="poisson", rate_per_s=5) == schedule(kind="poisson", rate_per_s=5)
    assert schedule(kind="poisson", rate_per_s=5) != schedule(2, kind="poisson", rate_per_s=5)


def test_a_million_requests_are_made_only_as_they_are_asked_for():
    workload = parse_workload({"kind": "poisson", "rate_per_s": 10_000}, num_requests=1_000_000)
    assert len(list(islice(workload.schedule(random.Random(1)), 3))) == 3


# Requests


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], "workload"),
        ({"kind": "random"}, "workload.kind"),
        ({"speed": 1}, "workload.speed"),
        ({"kind": "poisson"}, "workload.rate_per_s"),
        ({"kind": "constant", "rate_per_s": 0}, "workload.rate_per_s"),
        ({"kind": "constant", "rate_per_s": 10_001}, "workload.rate_per_s"),
        ({"kind": "constant", "rate_per_s": float("inf")}, "workload.rate_per_s"),
        ({"kind": "constant", "rate_per_s": "5"}, "workload.rate_per_s"),
        ({"rate_per_s": 5}, "workload.rate_per_s"),
        ({"speed_up": 5}, "workload.speed_up"),
        ({"kind": "bursty", "burst_size": 5}, "workload.burst_every_s"),
        ({"kind": "bursty", "burst_size": 1, "burst_every_s": 86_400}, "workload.kind"),
        ({"input_tokens": -1}, "workload.input_tokens"),
        ({"output_tokens": 10_000_001}, "workload.output_tokens"),
        ({"is_stream": 1}, "workload.is_stream"),
        ({"num_requests": 10**9}, "workload.num_requests"),
        ({"kind": "trace"}, "workload.arrivals"),
        ({"kind": "trace", "trace": 1}, "workload.trace"),
        ({"kind": "trace", "trace": TRACE, "arrivals": [[0, 1, 1]]}, "workload.trace"),
        ({"kind": "closed", "trace": TRACE}, "workload.arrivals"),
        ({"kind": "trace", "arrivals": []}, "workload.arrivals"),
        ({"kind": "trace", "arrivals": [[0, 1]]}, "workload.arrivals[0]"),
        ({"kind": "trace", "arrivals": [[0, 1, 1], [-1, 1, 1]]}, "workload.arrivals[1][0]"),
        ({"kind": "trace", "arrivals": [[1, 1, 1], [0, 1, 1]]}, "workload.arrivals[1]"),
        ({"kind": "trace", "arrivals": [[0, 1, 1], [604_801, 1, 1]]}, "workload.kind"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(data: Any, field: str):
    with pytest.raises(BadInput) as caught:
        parse_workload(data)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["num_requests", "concurrency"])
@pytest.mark.parametrize("value", [0, -5, 10**9, 1.5, True, "10"])
def test_wrong_counts_are_named_as_the_request_names_them(name: str, value: Any):
    with pytest.raises(BadInput) as caught:
        parse_workload(None, **{name: value})
    assert caught.value.field == name


def test_a_workload_of_too_many_days_says_how_many():
    with pytest.raises(BadInput, match="1,157 days"):
        parse_workload({"kind": "constant", "rate_per_s": 0.01}, num_requests=1_000_000)


@given(FIELDS)
def test_any_json_is_refused_or_survives_json_and_being_sent_again(data: dict[str, Any]):
    try:
        workload = parse_workload(data, num_requests=50, concurrency=5)
    except BadInput:
        return
    stored = json.loads(json.dumps(workload.to_json(), allow_nan=False))
    assert Workload.from_json(stored) == parse_workload(stored, num_requests=7, concurrency=7) == workload


# Trace files


@pytest.mark.parametrize(
    "lines",
    [
        [HEADER, "2023-11-16 18:17:04.0319600,3180,8", "2023-11-16 18:17:03.9799600,4808,10"],
        ["\ufeffGeneratedTokens, model ,TIMESTAMP,ContextTokens", "10,x,2023-11-16 18:17:03.97996,4808", "",
         "8,y,2023-11-16T18:17:04.03196Z,3180"],
    ],
    ids=["unsorted", "other columns, a mark, an empty line, another time format"],
)  # fmt: skip
def test_a_trace_file_is_read_in_any_order(lines: list[str]):
    assert list(read_trace(lines)) == [Arrival(0, 4808, 10), Arrival(0.052, 3180, 8)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: the header must name TIMESTAMP, ContextTokens, GeneratedTokens; TIMESTAMP is missing."),
        (["TIMESTAMP,ContextTokens"], "GeneratedTokens is missing."),
        ([HEADER], "The file has no requests."),
        ([HEADER, "2023-11-16 18:17:03,1,1", "2023-11-16 18:17:03,x,1"], "line 3: ContextTokens must be a whole"),
        ([HEADER, "2023-11-16 18:17:03,1,-1"], "line 2: GeneratedTokens must be a whole number from 0 to 10,000,000."),
        ([HEADER, "2023-11-16 18:17:03,1,٣"], "line 2: GeneratedTokens must be"),
        ([HEADER, "2023-11-16 18:17:03,99999999999,1"], "line 2: ContextTokens must be"),
        ([HEADER, "yesterday,1,1"], "line 2: TIMESTAMP must look like 2023-11-16"),
        ([HEADER, "", "2023-11-16 18:17:03,1"], "line 3: it has fewer columns than the header."),
        ([HEADER, 'a,"' + "x" * 200_000], "line 2: field larger than field limit"),
    ],
)
def test_a_malformed_trace_names_its_line(lines: list[str], message: str):
    with pytest.raises(BadInput) as caught:
        read_trace(lines)
    assert caught.value.field == "trace"
    assert message in caught.value.message


@given(st.lists(st.text(max_size=30) | st.datetimes().map(lambda at: f"{at},1,2")))
def test_any_lines_are_a_trace_or_refused(lines: list[str]):
    try:
        arrivals = list(read_trace([HEADER, *lines]))
    except BadInput:
        return
    assert arrivals[0].at_s == 0
    assert all(before.at_s <= after.at_s for before, after in pairwise(arrivals))


@pytest.mark.skipif(
    "ROUTING_CONSOLE_TRACES" not in os.environ,
    reason="set ROUTING_CONSOLE_TRACES to a folder with the Azure LLM inference traces of 2023",
)
@pytest.mark.parametrize(("name", "count"), [("conv", 19_366), ("code", 8_819)])
def test_the_public_azure_traces_are_read(name: str, count: int):
    path = Path(os.environ["ROUTING_CONSOLE_TRACES"]) / f"AzureLLMInferenceTrace_{name}.csv"
    with path.open(newline="") as lines:
        arrivals = list(read_trace(lines))
    assert len(arrivals) == count
    assert 3400 < arrivals[-1].at_s < 3600
