"""A viewer's place in the frames of a run, on a clock that the tests turn."""

from __future__ import annotations

import pytest

from tester.live.player import AT_ONCE, NOTHING, Player

QUARTERS = [250.0 * n for n in range(41)]  # ten seconds, a frame each 250 ms


def played(player: Player, times_ms: list[float], until_s: float) -> list[tuple[float, int]]:
    """When which frame is shown, if every frame is taken as soon as it is due."""
    now_s, shown = 0.0, []
    while (due_s := player.due_s(now_s, times_ms)) is not None and due_s <= until_s:
        now_s = due_s
        shown.append((round(now_s, 6), player.take(now_s, times_ms)))
    return shown


def test_at_speed_1_a_second_of_the_run_takes_a_second():
    shown = played(Player(0, QUARTERS, speed=1, at_ms=0), QUARTERS, 60)
    assert shown == [(n * 0.25, n) for n in range(41)]


def test_at_speed_10_it_takes_a_tenth():
    assert played(Player(0, QUARTERS, speed=10, at_ms=0), QUARTERS, 60)[-1] == (1.0, 40)


def test_a_viewer_that_comes_late_takes_the_newest_frame_of_its_moment():
    player = Player(0, QUARTERS, speed=1, at_ms=0)
    player.take(0, QUARTERS)
    assert player.take(3.3, QUARTERS) == 13


def test_as_fast_as_it_computes_reaches_the_end_of_a_long_run_in_few_steps():
    times_ms = [float(n) for n in range(2000)]
    player = Player(0, times_ms, speed=AT_ONCE, at_ms=0)
    shown = [player.take(0, times_ms) for _ in range(60)]
    assert shown[:2] == [0, 250]
    assert shown[-1] == 1999
    assert sorted(shown) == shown


def test_as_fast_as_it_computes_shows_every_frame_of_a_short_run():
    times_ms = [0.0, 250.0, 500.0, 620.0]
    player = Player(0, times_ms, at_ms=0)
    assert [player.take(0, times_ms) for _ in range(5)] == [0, 1, 2, 3, 3]
    assert player.due_s(0, times_ms) is None


def test_without_a_place_one_begins_with_the_newest():
    assert Player(0, QUARTERS).take(0, QUARTERS) == 40


def test_before_the_first_frame_there_is_nothing():
    player = Player(0, [])
    assert player.take(0, []) == NOTHING
    assert player.due_s(0, []) is None
    assert player.due_s(7, [0.0]) == 7


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_a_viewer_who_waits_at_the_newest_frame_goes_on_from_there(speed):
    """A run that waits for a worker for ten seconds does not begin ten seconds in."""
    player = Player(0, [], speed=speed)
    player.take(0, [])
    assert player.due_s(10, QUARTERS) == 10
    assert player.take(10, QUARTERS) == 0
    assert player.take(10 + 0.5 / speed, QUARTERS) == 2


def test_pause_holds_and_play_goes_on_where_it_was():
    player = Player(0, QUARTERS, speed=1, at_ms=0)
    assert player.take(1, QUARTERS) == 4
    player.change(1, QUARTERS, is_paused=True)
    assert player.due_s(50, QUARTERS) is None
    assert player.take(50, QUARTERS) == 4
    player.change(50, QUARTERS, is_paused=False)
    assert player.due_s(50, QUARTERS) == 50.25


@pytest.mark.parametrize(("at_ms", "frame"), [(0, 0), (249, 0), (250, 1), (4_999, 19), (1e12, 40)])
def test_seeking_shows_the_moment_even_while_paused(at_ms, frame):
    player = Player(0, QUARTERS, is_paused=True)
    player.take(0, QUARTERS)
    player.change(1, QUARTERS, at_ms=at_ms)
    assert player.due_s(1, QUARTERS) == 1
    assert player.take(1, QUARTERS) == frame
    assert player.due_s(2, QUARTERS) is None


def test_a_change_of_speed_keeps_the_place():
    player = Player(0, QUARTERS, speed=1, at_ms=0)
    player.take(2, QUARTERS)
    player.change(2, QUARTERS, speed=10)
    assert player.take(2.1, QUARTERS) == 12


def test_play_after_seeking_back_at_full_speed_goes_forward_again():
    player = Player(0, QUARTERS)
    player.take(0, QUARTERS)
    player.change(0, QUARTERS, at_ms=0)
    assert [player.take(0, QUARTERS) for _ in range(2)] == [0, 5]
