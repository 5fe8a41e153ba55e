"""Recorded traffic as a workload: lines of JSON, and the arrivals in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from engine.exceptions import BadInput
from engine.rehearsal.recorded_traffic import (
    RecordedAttempt,
    RecordedRequest,
    arrivals_of,
    read_json_lines,
    that_came_to_routing,
)
from engine.rehearsal.workload import Arrival, Workload, parse_workload

BEGAN = datetime(2030, 1, 31, 14, 30, tzinfo=UTC)


def request_at(seconds: float, *, read: int | None = 10, written: int | None = 20, **fields) -> RecordedRequest:
    values = {"is_stream": False, "outcome": "answered", **fields}
    return RecordedRequest(BEGAN + timedelta(seconds=seconds), read, written, **values)


def lines_of(*requests: RecordedRequest) -> list[str]:
    return [json.dumps(one.to_json()) for one in requests]


def test_arrivals_keep_the_gaps_of_the_log_and_their_streams():
    arrivals = arrivals_of([request_at(3.25, is_stream=True), request_at(1), request_at(1.000001)])
    assert [arrival.at_s for arrival in arrivals] == [0.0, 0.000001, 2.25]
    assert [arrival.is_stream for arrival in arrivals] == [False, False, True]


def test_requests_without_tokens_get_those_of_the_median_request():
    sizes = [(1, 2), (5, 6), (9, 10), (None, None)]
    arrivals = arrivals_of([request_at(n, read=read, written=written) for n, (read, written) in enumerate(sizes)])
    assert arrivals[-1][1:3] == (5, 6)


def test_where_no_request_has_tokens_they_are_the_usual_ones():
    assert arrivals_of([request_at(0, read=None, written=None)]) == (Arrival(0, 500, 100, "", False),)


def test_what_was_refused_before_any_deployment_was_asked_is_no_arrival():
    attempt = RecordedAttempt("d", BEGAN, "error", 400)
    rows = [request_at(0, outcome="refused"), request_at(1, outcome="refused", attempts=(attempt,)), request_at(2)]
    assert [one.at for one in that_came_to_routing(rows)] == [rows[1].at, rows[2].at]


def test_requests_are_the_same_after_writing_and_reading():
    attempts = (RecordedAttempt("d", BEGAN, "error", 503, "ServiceUnavailableError", has_begun=True),)
    request = request_at(0.123456, read=None, outcome="failed", attempts=attempts)
    assert read_json_lines(lines_of(request)) == [request]


def test_a_workload_takes_the_lines_as_its_trace():
    text = "\n".join(lines_of(request_at(5, is_stream=True), request_at(0)))
    workload = parse_workload({"kind": "trace", "trace": text})
    assert workload.arrivals == (Arrival(0, 10, 20, "", False), Arrival(5, 10, 20, "", True))
    assert workload.has_streams


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 2: this is not a JSON object."),
        ("[]", "line 2: this is not a JSON object."),
        ('{"at": "yesterday"}', "line 2: at must look like 2030-01-31T14:30:00.5Z."),
        ('{"at": 5}', "line 2: at must look like 2030-01-31T14:30:00.5Z."),
        (
            '{"at": "2030-01-31", "input_tokens": -1}',
            "line 2: input_tokens must be a whole number from 0 to 10,000,000",
        ),
        ('{"at": "2030-01-31", "output_tokens": true}', "line 2: output_tokens must be a whole number"),
        ('{"at": "2030-01-31", "stream": 1}', "line 2: stream must be true or false."),
        ('{"at": "2030-01-31", "outcome": "odd"}', "line 2: outcome must be one of answered, failed, refused, left."),
        ('{"at": "2030-01-31", "attempts": 3}', "line 2: attempts must be a list."),
        ('{"at": "2030-01-31", "attempts": [3]}', "line 2: each attempt must be an object."),
        ('{"at": "2030-01-31", "attempts": [{"at": "2030-01-31", "status_code": "x"}]}', "line 2: status_code"),
        ('{"at": "2030-01-31", "attempts": [{"deployment_id": 1}]}', "line 2: deployment_id, status and error_class"),
    ],
)
def test_a_bad_line_is_named_by_its_number(line, why):
    with pytest.raises(BadInput) as raised:
        read_json_lines([*lines_of(request_at(0)), line])
    assert raised.value.message.startswith(why)


def test_a_file_without_requests_is_refused():
    with pytest.raises(BadInput, match="The file has no requests"):
        read_json_lines(["", "  "])


def test_a_recorded_workload_says_where_it_is_from_after_writing_and_reading():
    given = {
        "kind": "recorded",
        "from": "2030-01-31T14:30:00Z",
        "until": "2030-01-31T14:40:00Z",
        "with_failures": True,
        "arrivals": [[0, 1, 2, "", True], [1, 3, 4, "", False]],
    }
    workload = parse_workload(given)
    assert workload.num_requests == 2
    assert given.items() <= workload.to_json().items()
    assert Workload.from_json(workload.to_json()) == workload


def test_other_workloads_have_no_period():
    with pytest.raises(BadInput) as raised:
        parse_workload({"kind": "closed", "from": "2030-01-31", "until": "2030-02-01"})
    assert raised.value.field == "workload.from"
