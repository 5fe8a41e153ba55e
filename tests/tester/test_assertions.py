from __future__ import annotations

import pytest

from tester.terminal.assertions import METRICS, parse_assertion

RESULT = {
    "total_requests": 200,
    "successful_requests": 199,
    "failed_requests": 1,
    "refused_requests": 0,
    "fallback_count": 12,
    "avg_latency_ms": 310.5,
    "latency_p50_ms": 300.0,
    "latency_p95_ms": 500.0,
    "latency_p99_ms": 900.0,
    "ttft_p95_ms": 120.0,
    "cost_usd": 0.25,
    "virtual_duration_ms": 60_000.0,
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("success_rate>=0.99", True),
        ("success_rate >= 0.999", False),
        ("latency_avg_ms<310.5", False),
        ("latency_avg_ms<=310.5", True),
        ("latency_p50_ms==300", True),
        ("latency_p95_ms!=500", False),
        (" latency_p99_ms<1e3 ", True),
        ("ttft_p95_ms<=120", True),
        ("fallback_count>12", False),
        ("failed_requests<=1", True),
        ("cost_usd<.3", True),
        ("virtual_duration_ms>-1", True),
    ],
)
def test_what_is_demanded_holds_or_not(text, holds):
    assert parse_assertion(text).holds(RESULT) is holds


def test_every_metric_is_in_every_result():
    assert {name: metric(RESULT) for name, metric in METRICS.items()}["success_rate"] == 0.995


NOTHING_ANSWERED = {**RESULT, "successful_requests": 0, "failed_requests": 200, "latency_p95_ms": 0.0}


@pytest.mark.parametrize("metric", ["latency_avg_ms", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms"])
def test_a_metric_over_nothing_fails_and_says_why(metric):
    assertion = parse_assertion(f"{metric}<9000")
    assert assertion.value_in(NOTHING_ANSWERED) is None
    assert not assertion.holds(NOTHING_ANSWERED)
    assert assertion.complaint(NOTHING_ANSWERED).endswith("no request was answered, so there is nothing to measure")


def test_a_first_token_where_nothing_was_streamed_fails_and_says_why():
    assertion = parse_assertion("ttft_p95_ms<9000")
    whole = {**RESULT, "ttft_p95_ms": None}
    assert not assertion.holds(whole)
    assert assertion.complaint(whole).endswith("no stream was answered, so there is no first token to measure")


def test_success_is_over_what_was_answered_or_failed_and_over_nothing_it_is_none():
    refused = {**RESULT, "successful_requests": 150, "failed_requests": 50, "total_requests": 300}
    assert METRICS["success_rate"](refused) == 0.75
    assert not parse_assertion("success_rate>=0").holds({**RESULT, "successful_requests": 0, "failed_requests": 0})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write METRIC"),
        ("success_rate", "write METRIC"),
        ("success_rate=1", "write METRIC"),
        ("success_rate>=", "write METRIC"),
        ("success_rate>=high", "write METRIC"),
        ("success_rate>=1.2.3", "not a number"),
        ("success_rate>=1e999", "not a number"),
        ("success_rate>=nan", "write METRIC"),
        ("0.9<success_rate", "write METRIC"),
        ("__import__('os')>0", "write METRIC"),
        ("happiness>0", "Known: success_rate"),
    ],
)
def test_what_is_no_assertion_is_said(text, says):
    with pytest.raises(ValueError, match=says):
        parse_assertion(text)


def test_it_reads_as_it_was_written():
    assert str(parse_assertion("latency_p95_ms < 900")) == "latency_p95_ms<900"
