"""What a whole run says in sentences, and the figures beside those of the moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.rehearsal.ranges import Range
from engine.spec import Strategy
from pages.live_tester.verdict import verdict_of, whole_of
from tester.scene import DrawnFault
from tests.tester.rehearsed import drawn, spec_of

GROUP = drawn(spec_of(3, Strategy.PRIORITY_FAILOVER))
OUTAGE = replace(GROUP, faults=(DrawnFault("d0", 10_000, 70_000, "down", is_down=True),))
THIN = "\u202f"


def row(n: int, served: int, failed: int = 0) -> dict[str, Any]:
    names = {"deployment_id": f"d{n}", "deployment_name": f"Llama {n}"}
    return {**names, "success_count": served, "failure_count": failed, "percent_of_total": served / 10}


def result(*rows: dict[str, Any], failed: int = 0, fallbacks: int = 0, **more: Any) -> dict[str, Any]:
    answered = sum(one["success_count"] for one in rows)
    counts = {"total_requests": answered + failed, "successful_requests": answered, "failed_requests": failed}
    rest = {"fallback_count": fallbacks, "virtual_duration_ms": 90_000.0, "avg_latency_ms": 406.4}
    return {**counts, **rest, "traffic_distribution": list(rows), **more}


def test_an_outage_that_no_caller_felt_says_who_was_down_and_who_answered():
    skips = [{"from_deployment": None, "to_deployment": "d1", "request_count": 340, "reason": "fallback_cooldown"}]
    told = verdict_of(result(row(0, 600, 7), row(1, 400), row(2, 0), fallbacks=347, flow_data=skips), OUTAGE)
    assert told is not None
    assert (told.kind, told.headline) == ("good", "No caller saw an error.")
    assert told.story == f"Nebius was down for 60{THIN}s. 347 of 1,000 requests fell back to Fireworks."
    assert told.detail == "7 attempts failed at Nebius. 340 requests skipped it while it was cooling."


def test_errors_of_callers_come_first():
    some = verdict_of(result(row(0, 503), failed=97), GROUP)
    every = verdict_of(result(row(0, 0, 9), failed=9), GROUP)
    assert [(v.kind, v.headline) for v in (some, every) if v] == [
        ("bad", "97 of 600 callers got an error."),
        ("bad", "Every caller got an error."),
    ]


def test_answers_that_nearly_all_fell_back_are_no_good_news():
    told = verdict_of(result(row(0, 40), row(1, 960), fallbacks=960), GROUP)
    assert told is not None
    assert (told.kind, told.headline) == ("warm", f"All answered, but 96{THIN}% by fallback.")


def test_a_healthy_run_of_weights_says_how_near_it_came_to_them():
    fan = drawn(spec_of(3, Strategy.WEIGHTED))
    told = verdict_of(result(row(0, 834), row(1, 98), row(2, 68)), fan)
    assert told is not None
    assert told.headline == "Healthy: every request was answered."
    assert told.story == f"Shares are within 1{THIN}% of the weights you set (83 / 10 / 7)."


def test_a_run_without_a_result_says_nothing():
    assert verdict_of(None, GROUP) is None
    assert verdict_of(result(), GROUP) is None
    assert set(whole_of(None, None, 10).values()) == {""}


def test_the_figures_of_the_whole_run_are_ranges_over_its_seeds():
    ranges = {
        "success_rate": Range(0.981, 0.99, 0.995),
        "latency_p95_ms": Range(728.0, 741.0, 761.0),
        "fallback_share": Range(0.5, 0.52, 0.6),
        "cost_usd": Range(0.45, 0.46, 0.47),
    }
    told = whole_of(result(row(0, 1000)), ranges, 10)
    assert told["success"] == f"over seeds 98.1–99.5{THIN}%"
    assert told["p95"] == "p95 728–761"
    assert told["fallbacks"] == "whole run 500–600"
    assert told["cost"] == "whole run $0.450–0.470"
    assert told["average"] == f"whole run 406{THIN}ms"
    assert told["first_token"] == ""
