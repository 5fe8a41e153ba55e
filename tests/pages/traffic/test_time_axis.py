"""The time axis above the path of a request."""

from __future__ import annotations

import pytest

from pages.traffic.time_axis import MOST_TICKS, step_of, ticks_of


@pytest.mark.parametrize(
    ("whole_ms", "step"),
    [(1, 1), (6, 1), (12, 2), (221, 40), (280, 40), (300, 50), (900, 200), (3_400, 500), (61_000, 10_000)],
)
def test_moments_are_round_and_few(whole_ms, step):
    assert step_of(whole_ms) == step
    assert len(ticks_of(whole_ms)) <= MOST_TICKS + 1


def test_the_last_moment_leaves_room_for_the_end():
    ticks = ticks_of(221)
    assert [tick.text for tick in ticks] == [f"{n}\u202fms" for n in (0, 40, 80, 120, 160)]
    assert (ticks[0].x, ticks[1].x) == (0, 18.1)
    assert ticks_of(250)[-1].text == "200\u202fms"


def test_long_requests_are_told_in_seconds():
    assert [tick.text for tick in ticks_of(3_000)] == [f"{n}\u202fs" for n in ("0", "0.5", "1", "1.5", "2", "2.5")]
