from __future__ import annotations

import pytest

from tester.runs.result_notes import failure_in_words
from tester.terminal.result_table import bar, table

TRAFFIC = {"priority": 1, "weight": None, "avg_latency_ms": 1234.5, "percent_of_total": 75.0}
RESULT = {
    "total_requests": 1000,
    "successful_requests": 990,
    "failed_requests": 10,
    "fallback_count": 250,
    "avg_latency_ms": 1300.0,
    "latency_p50_ms": 1200.0,
    "latency_p95_ms": 2000.0,
    "latency_p99_ms": 3000.0,
    "cost_usd": 0.5,
    "virtual_duration_ms": 61_500.0,
    "seed": 7,
    "traffic_distribution": [
        {
            **TRAFFIC,
            "deployment_id": "a",
            "deployment_name": "Llama",
            "provider": "Nebius",
            "request_count": 1000,
            "success_count": 740,
            "failure_count": 260,
            "errors": {"RateLimitError": 200, "Timeout": 60},
        },
        {
            **TRAFFIC,
            "deployment_id": "b",
            "deployment_name": "Llama",
            "provider": "Fireworks",
            "request_count": 250,
            "success_count": 250,
            "failure_count": 0,
            "errors": {},
        },
    ],
    "flow_data": [
        {"from_deployment": None, "to_deployment": "a", "request_count": 1000, "reason": "primary"},
        {"from_deployment": "a", "to_deployment": "b", "request_count": 250, "reason": "fallback_rate_limit"},
    ],
}


def test_the_table_says_what_happened_in_columns():
    lines = table(RESULT).splitlines()
    assert "1,000, answered 990 (99.00%), failed 10" in lines[0]
    heading = next(line for line in lines if line.startswith("deployment"))
    rows = lines[lines.index(heading) + 1 : lines.index(heading) + 3]
    assert rows[0].split() == ["Llama", "Nebius", "1,000", "740", "260", "75.0", "%", "1,234",
                               "rate", "limit", "200,", "timeout", "60"]  # fmt: skip
    assert rows[0].index("Nebius") == rows[1].index("Fireworks") == heading.index("provider")
    assert "Llama (Nebius) → Llama (Fireworks): 250 (fallback rate limit)" in lines


def test_nothing_to_tell_is_told_too():
    empty = {**RESULT, "total_requests": 0, "successful_requests": 0, "traffic_distribution": [], "flow_data": None}
    assert "answered 0 (0.00%)" in table(empty)


def test_the_bar_fills():
    assert [bar(n, 4).count("█") for n in (0, 2, 4, 9)] == [0, 15, 30, 30]
    assert bar(1000, 4000).endswith("25%  1,000 of 4,000 requests")


def test_what_was_never_asked_and_never_answered_is_said():
    nothing = {"successful_requests": 0, "failed_requests": 1000, "untried_requests": 990}
    causes = {"AllCoolingDown": 990, "ServiceUnavailableError": 10}
    text = table({**RESULT, **nothing, "failures_by_cause": causes})
    assert "failures   all cooling down 990 · service unavailable 10 · no deployment was asked for 990" in text
    assert "latency    –, nothing was answered" in text
    assert any(line.split() == ["none", "was", "asked", "0", "0", "990", "–"] for line in text.splitlines())


def test_first_tokens_and_those_that_were_passed_over_are_said():
    waits = {"ttft_p50_ms": 310.4, "ttft_p95_ms": 1200.0, "ttft_p99_ms": 2000.0}
    lines = table({**RESULT, **waits, "skipped": {"a": {"cooling": 1200, "at_capacity": 3}}}).splitlines()
    assert "1st token  p50 310 · p95 1,200 · p99 2,000 ms" in lines
    assert "skipped    Llama: cooling 1,200 · at capacity 3" in lines
    assert "1st token" not in table({**RESULT, **dict.fromkeys(waits), "skipped": {}})


@pytest.mark.parametrize(
    ("error_class", "words"),
    [
        ("ServiceUnavailableError", "service unavailable"),
        ("APIConnectionError", "API connection"),
        ("Timeout", "timeout"),
        ("AllCoolingDown", "all cooling down"),
    ],
)
def test_failures_are_named_in_words(error_class, words):
    assert failure_in_words(error_class) == words
