"""What a rehearsal says of a trouble is what the gateway says of the same answer of a real upstream."""

from __future__ import annotations

from typing import Any

import pytest

from engine.drivers.attempt_ledger import failure_of
from engine.drivers.effects import Effect, effect_of, timed_out, told_in_stream, unreachable
from engine.faults.fates import ErrorEvent, Exposure, Fate, Told
from engine.faults.kinds import KINDS
from engine.faults.targets import TargetedFault
from engine.routing import failure_of as failure_for_caller
from engine.upstreams import failures
from engine.upstreams.rehearsed import _failure
from tests.engine.scripted import deployment

ROW = deployment("a")
DETAILS: list[dict[str, Any]] = [
    *({"kind": "server_error", "status": status} for status in (500, 502, 503)),
    *({"kind": "rate_limit", "retry_after_s": seconds} for seconds in (0.0, 0.5, 5.0, 3600.0)),
    {"kind": "rate_limit"},
    {"kind": "server_error", "retry_after_s": 30},
    *({"kind": "error", "status": status} for status in range(400, 600)),
    {"kind": "error", "status": 529, "retry_after_s": 20, "after_s": 9},
    *({"kind": kind} for kind in ("no_credit", "connection_reset", "malformed", "empty_stream", "stream_error")),
    {"kind": "quota", "tpm": 1},
    {"kind": "context_too_long", "limit_tokens": 10},
    {"kind": "outage", "answers": "refused"},
    {"kind": "outage"},
    {"kind": "flapping", "period_s": 10, "down_s": 10},
    {"kind": "degradation", "error_rate": 1, "until_s": 1},
    *({"kind": kind} for kind in ("timeout", "connection_refused", "unauthorised", "content_filter")),
    {"kind": "content_filter", "blocks": "answer"},
    *({"kind": "redirect", "status": status} for status in (301, 302, 303, 307, 308)),
    *({"kind": kind} for kind in ("stream_cut", "stream_stall", "tool_call_cut")),
    {"kind": "slow", "factor": 2},
    {"kind": "price", "factor": 2},
    {"kind": "capacity", "slots": 1},
]


def of_error(error: Exception) -> Effect:
    """The effect as the gateway reads it out of an exception."""
    known = failure_of(error)
    told = failure_for_caller(error)
    failure = type(known)(known.kind, known.retry_after_s, known.word)
    message = failures.message_of(error)
    return Effect(failure, failures.class_of(error), message, failures.came_of(error), told.status, told.code)


@pytest.mark.parametrize("details", DETAILS, ids=lambda details: "-".join(map(str, details.values())))
def test_every_trouble_reads_as_a_real_error(details: dict[str, Any]):
    fault = TargetedFault.from_json({"target": "*", **details}).fault
    for is_stream in (False, True):
        fate, exposure = Fate(1.0, 1000, 100, 1.0, 1.0, is_stream), Exposure(1.0, since_s=0.999)
        fault.strike(fate, exposure)
        fate.heed_filter(is_left=True)
        if isinstance(fate.trouble, Told):
            real = of_error(_failure(ROW, fate.trouble, is_stream=is_stream))
            assert effect_of(ROW, fate.trouble, is_stream=is_stream) == real


@pytest.mark.parametrize("status", [None, *range(400, 600)])
def test_an_error_inside_a_stream_reads_as_a_real_one(status: int | None):
    event = ErrorEvent(status)
    said = {"message": event.message} | ({} if status is None else {"code": status})
    assert told_in_stream(event) == of_error(failures.from_event(ROW, said))


def test_every_kind_of_fault_is_among_them():
    assert {details["kind"] for details in DETAILS} == set(KINDS)


def test_limits_and_cut_streams_read_as_real_errors():
    cut, what = "the stream was cut before its end", "no first token"
    assert timed_out(ROW, what, 2.5) == of_error(failures.timed_out(ROW, what, 2.5))
    assert unreachable(ROW, cut) == of_error(failures.unreachable(ROW, cut))
