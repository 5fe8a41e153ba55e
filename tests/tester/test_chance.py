"""Ranges for people, and the sentence about chance."""

from __future__ import annotations

from engine.rehearsal.ranges import Range
from tester.runs.chance import chance_notes, names_in, range_lines

NAMES = {"a": "Nebius", "b": "Azure"}


def test_a_share_that_differs_by_more_than_ten_points_hangs_on_chance():
    ranges = {
        "success_rate": Range(0.99, 0.999, 1.0),
        "share:a": Range(0.05, 0.3, 0.66),
        "share:b": Range(0.3, 0.35, 0.4),
    }
    (note,) = chance_notes(ranges, NAMES, 25)
    assert note == (
        "Some numbers hang on chance. Over 25 seeds: share of Nebius 5 to 66 %. One run says little about them."
    )
    assert not list(chance_notes({"share:b": Range(0.3, 0.35, 0.4)}, NAMES, 25))


def test_lines_have_units_and_shares_come_first():
    ranges = {
        "success_rate": Range(0.9996, 0.99999, 1.0),
        "latency_p95_ms": Range(900.0, 1000.0, 2000.0),
        "cost_usd": Range(0.5, 0.5, 0.5),
        "rescued_share": Range(0.0, 0.0, 0.0),
        "share:a": Range(1.0, 1.0, 1.0),
    }
    lines = [(line.label, line.median, line.span, line.is_wide) for line in range_lines(ranges, NAMES)]
    assert lines == [
        ("share of Nebius", "100 %", "100 %", False),
        ("success", "99.9 %", "99.9 to 100 %", False),
        ("latency p95", "1,000 ms", "900 to 2,000 ms", True),
        ("cost", "$0.500", "$0.500", False),
    ]


def test_a_cost_below_a_tenth_of_a_cent_keeps_its_digits():
    (line,) = range_lines({"cost_usd": Range(0.0, 0.000125, 1.5)}, NAMES)
    assert (line.label, line.median, line.span) == ("cost", "$0.000125", "$0 to $1.50")


def test_callers_who_left_or_asked_again_are_lines_in_words():
    ranges = {"left_share": Range(0.01, 0.02, 0.03), "repeated_share": Range(0.1, 0.2, 0.4)}
    lines = [(line.label, line.median, line.span, line.is_wide) for line in range_lines(ranges, NAMES)]
    assert lines == [("left", "2 %", "1 to 3 %", False), ("asked again", "20 %", "10 to 40 %", True)]


def test_equal_names_are_told_apart_by_their_providers():
    rows = [("a", "Llama", "Nebius"), ("b", "Llama", "Azure"), ("c", "GPT", "OpenAI")]
    result = {
        "traffic_distribution": [
            {"deployment_id": key, "deployment_name": name, "provider": provider} for key, name, provider in rows
        ]
    }
    assert names_in(result) == {"a": "Llama (Nebius)", "b": "Llama (Azure)", "c": "GPT"}
