"""When a standby is asked again, when it counts as dead, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from usage.health.standby_rules import PAUSES_S, StandbyState, endpoint_for, is_dead, pause_after

NOW = datetime(2030, 1, 31, 18, 0, tzinfo=UTC)
TWO = datetime(2030, 1, 31, 14, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failed", "timed_out", "is_so"),
    [(0, 0, False), (2, 0, False), (3, 0, True), (3, 1, False), (4, 2, True), (5, 5, False), (6, 6, True)],
)
def test_three_failures_are_a_death_and_time_limits_of_ours_count_half(failed, timed_out, is_so):
    assert is_dead(failed, timed_out, threshold=3) is is_so


@pytest.mark.parametrize(("failed", "usual_s"), [(1, 60), (2, 300), (3, 900), (40, 900)])
def test_a_failure_is_followed_by_a_look_soon_and_later_ones_by_fewer(failed, usual_s):
    for seed in range(20):
        pause_s = pause_after(failed, after_s=21_600, rng=Random(seed)).total_seconds()
        assert 0.9 * usual_s <= pause_s <= 1.1 * usual_s


def test_a_pause_is_never_longer_than_the_usual_interval():
    assert pause_after(9, after_s=10, rng=Random(1)) <= timedelta(seconds=11) < timedelta(seconds=PAUSES_S[0])


@pytest.mark.parametrize(
    ("capabilities", "endpoint"),
    [
        (["chat", "vision"], "chat/completions"),
        ([], "chat/completions"),
        (["embedding"], "embeddings"),
        (["rerank"], "rerank"),
        (["moderation"], "moderations"),
        (["image_generation"], None),
        (["audio_transcription"], None),
    ],
)
def test_each_model_is_asked_what_it_answers_and_none_what_costs_more_than_nothing(capabilities, endpoint):
    assert endpoint_for(capabilities) == endpoint


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (StandbyState(), ""),
        (StandbyState(TWO), "proven 14:02"),
        (StandbyState(TWO - timedelta(days=2)), "proven 2030-01-29 14:02"),
        (StandbyState(TWO, failed=1, failing_since=TWO), "tests fail since 14:02"),
        (StandbyState(None, failed=4, failing_since=TWO, is_dead=True), "tests fail since 14:02"),
    ],
)
def test_it_says_when_it_was_proven_or_since_when_it_fails(state, words):
    assert state.words(NOW) == words
