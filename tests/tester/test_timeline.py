"""The timeline: requests per second from frames, and where faults were injected."""

from __future__ import annotations

import pytest

from engine.faults.scenarios import Scenario
from engine.spec import Strategy
from tester.scene import DrawnDeployment, DrawnGroup
from tester.traces.fault_windows import FaultWindow, windows_of
from tester.traces.timeline import HEIGHT, MOST_BUCKETS, MOST_ROWS, Moment, buckets_of, timeline_of

GROUP = DrawnGroup(
    "chat",
    Strategy.PRIORITY_FAILOVER,
    tuple(DrawnDeployment(f"d{n}", name, name, "default", priority=n) for n, name in enumerate("ABC", start=1)),
)


def moments(count: int, *, every_ms: float = 250.0) -> list[Moment]:
    """Each step answers two requests, fails one and falls back once."""
    return [Moment(n * every_ms, 3 * n, n, n) for n in range(count)]


def windows(*faults: dict) -> tuple[FaultWindow, ...]:
    return windows_of(Scenario.from_json({"faults": list(faults)}), GROUP)


def test_a_bucket_counts_what_ended_between_two_frames():
    first, second = buckets_of(moments(3), most=MOST_BUCKETS)
    assert (first.from_ms, first.to_ms, first.requests, first.failed, first.fallbacks) == (0, 250, 3, 1, 1)
    assert second.per_s == 12
    assert second.words == "0.2 s to 0.5 s: 3 requests, 1 failed, 1 fell back"


def test_what_ends_with_a_bucket_is_not_told_by_the_next_one_too():
    first, second = buckets_of(moments(3), most=MOST_BUCKETS)
    assert (first.begins_ms, first.to_ms, second.begins_ms) == (0.0, 250.0, 250.001)


@pytest.mark.parametrize("count", [2, 100, 239, 2000])
@pytest.mark.parametrize("most", [MOST_ROWS, MOST_BUCKETS])
def test_buckets_are_few_follow_each_other_and_lose_nothing(count, most):
    rows = moments(count)
    buckets = buckets_of(rows, most=most)
    assert len(buckets) <= most
    assert [b.from_ms for b in buckets[1:]] == [b.to_ms for b in buckets[:-1]]
    assert (buckets[0].from_ms, buckets[-1].to_ms) == (0, rows[-1].at_ms)
    assert sum(b.requests for b in buckets) == 3 * (count - 1)


def test_a_short_rest_belongs_to_the_bucket_before_it():
    rows = [*moments(3), Moment(501.0, 52, 2, 2)]
    assert [b.to_ms for b in buckets_of(rows, most=MOST_BUCKETS)] == [250, 501]
    assert [b.to_ms for b in buckets_of([Moment(30.0, 1, 0, 0)], most=MOST_BUCKETS)] == [30]


def test_before_anything_has_happened_there_is_nothing_to_draw():
    for rows in ([], [Moment(0.0, 0, 0, 0)]):
        timeline = timeline_of(rows)
        assert (timeline.bars, timeline.area, timeline.moved, timeline.ticks) == ((), "", "", ())


def test_the_picture_fills_its_width_and_stays_in_its_height():
    timeline = timeline_of([Moment(0, 0, 0, 0), Moment(250, 10, 0, 0), Moment(500, 15, 5, 5)])
    assert [(bar.x, bar.width) for bar in timeline.bars] == [(0, 50), (50, 50)]
    assert timeline.peak_per_s == 40
    assert timeline.area == "M0 60V2H500V31H1000V60z"
    assert timeline.bars[1].failed_height == HEIGHT / 2 - 1
    assert [tick.label for tick in timeline.ticks] == ["0 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s", "0.5 s"]


def test_what_fell_back_lies_between_what_was_answered_at_once_and_what_failed():
    timeline = timeline_of([Moment(0, 0, 0, 0), Moment(1000, 10, 2, 5), Moment(2000, 20, 12, 15)])
    assert timeline.moved == "M0 13.6H500v29H0z", "the second bar has nothing but failures"
    assert [(bar.failed_y, bar.failed_height) for bar in timeline.bars] == [(2, 11.6), (2, 58)]


def test_faults_are_described_by_target_and_effect():
    told = windows(
        {"kind": "outage", "target": "primary", "from_s": 10, "until_s": 70},
        {"kind": "server_error", "target": "others", "probability": 0.3},
        {"kind": "slow", "target": "*", "factor": 4},
        {"kind": "flapping", "target": "C", "period_s": 20, "down_s": 8},
        {"kind": "flapping", "target": "d3", "period_s": 20, "down_s": 8},
    )
    assert [(w.whom, w.what, w.when) for w in told] == [
        ("A", "down", "from 10 s to 70 s"),
        ("B, C", "30\u202f% fail with 503", "from 0 s to the end"),
        ("all", "4× as slow", "from 0 s to the end"),
        ("C", "down 8 of every 20 s", "from 0 s to the end"),
    ]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "rate_limit"}, "rate limited (429)"),
        ({"kind": "quota", "rpm": 60}, "quota of 60 requests a minute"),
        ({"kind": "quota", "tpm": 6000}, "quota of 6,000 tokens a minute"),
        ({"kind": "slow", "extra_ms": 200}, "200 ms slower"),
        ({"kind": "context_too_long", "limit_tokens": 1500}, "at most 1,500 tokens of context"),
        ({"kind": "degradation", "factor": 8, "until_s": 300}, "worse and worse"),
        ({"kind": "timeout"}, "left without an answer"),
        ({"kind": "stream_cut"}, "streams break off"),
        ({"kind": "price", "factor": 1.5}, "1.5× the price"),
        ({"kind": "price", "input_cost_per_million": 3}, "other prices"),
        ({"kind": "error", "status": 529}, "fail with 529"),
        ({"kind": "server_error", "retry_after_s": 30}, "fail with 503"),
        ({"kind": "no_credit"}, "no credit left (429)"),
        ({"kind": "malformed"}, "answers that nobody can read"),
        ({"kind": "connection_reset"}, "connection closed without an answer"),
        ({"kind": "stream_error", "status": 500}, "an error inside streams"),
        ({"kind": "empty_stream"}, "streams without content"),
    ],
)
def test_every_kind_of_fault_has_words(fault, words):
    assert [w.what for w in windows({**fault, "target": "primary"})] == [words]
