"""What an upstream can take, found again in the attempts at queues that are written here, apart from our own."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace

import pytest

from usage.health.capacity_fit import FEWEST, SeenAttempt, SeenLimit, fitted_capacity

SEEDS = range(5)


def arrivals(rng: random.Random, count: int, per_s: float) -> list[float]:
    """Quiet and busy minutes by turns: half and one and a half times as many."""
    moments, now = [], 0.0
    for _ in range(count):
        now += rng.expovariate(per_s * (1.5 if int(now / 60) % 2 else 0.5))
        moments.append(now)
    return moments


def before_slots(
    seed: int, *, slots: int, per_s: float, queue: int | None = None, count: int = 1500, is_stream: bool = True
) -> list[SeenAttempt]:
    """First come, first served; 0.3 s to the first token and some 2 s to write, each by its own chance."""
    rng, free, seen = random.Random(seed), [0.0] * slots, []
    ends: list[float] = []
    for began in arrivals(rng, count, per_s):
        first_s, rest_s = rng.lognormvariate(-1.2, 0.4), rng.lognormvariate(0.6, 0.4)
        if queue is not None and sum(end > began for end in ends[-4 * (slots + queue + 9) :]) >= slots + queue:
            seen.append(SeenAttempt(began, began + 0.02, is_answered=False, is_refused=True))
            continue
        start = max(began, heapq.heappop(free))
        end = start + first_s + rest_s
        heapq.heappush(free, end)
        ends.append(end)
        seen.append(SeenAttempt(began, end, start + first_s if is_stream else None, round(rest_s * 50)))
    return seen


def sharing(seed: int, *, total: float, own: float, per_s: float, is_stream: bool = True) -> list[SeenAttempt]:
    """All write at once, in steps of 10 ms: each at its own speed, or at its part of the total."""
    rng, now, seen = random.Random(seed), 0.0, list[SeenAttempt]()
    coming = [(at, rng.lognormvariate(-1.2, 0.4), rng.randint(50, 250)) for at in arrivals(rng, 800, per_s)]
    waiting = sorted((at + first_s, at, tokens) for at, first_s, tokens in coming)
    writing: list[list[float]] = []
    while waiting or writing:
        while waiting and waiting[0][0] <= now:
            first_at, at, tokens = waiting.pop(0)
            writing.append([float(tokens), at, first_at, float(tokens)])
        speed = min(own, total / len(writing)) if writing else own
        for one in writing:
            one[0] -= speed * 0.01
        now += 0.01
        for _, at, first_at, written in (one for one in writing if one[0] <= 0):
            seen.append(SeenAttempt(at, now, first_at if is_stream else None, int(written)))
        writing = [one for one in writing if one[0] > 0]
    return seen


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("slots", "per_s"), [(1, 0.4), (2, 0.8), (8, 3.2), (40, 17.0)])
def test_slots_before_which_requests_wait_are_found_exactly(seed: int, slots: int, per_s: float):
    fitted = fitted_capacity(before_slots(seed, slots=slots, per_s=per_s))
    assert (fitted.found, fitted.slots, fitted.places) == (SeenLimit.LIMITED, slots, None)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("slots", "per_s"), [(4, 1.7), (8, 3.4)])
def test_whole_answers_show_slots_too(seed: int, slots: int, per_s: float):
    assert fitted_capacity(before_slots(seed, slots=slots, per_s=per_s, is_stream=False)).slots == slots


@pytest.mark.parametrize("seed", SEEDS)
def test_who_is_refused_beyond_the_slots_or_beyond_the_queue_shows_how_many_places_there_are(seed: int):
    lone = fitted_capacity(before_slots(seed, slots=5, per_s=2.5, queue=0))
    assert (lone.slots, lone.places) == (None, 5)
    assert lone.capacity is not None
    assert (lone.capacity.slots, lone.capacity.queue) == (5, 0)
    both = fitted_capacity(before_slots(seed, slots=4, per_s=2.2, queue=6))
    assert both.capacity is not None
    assert (both.capacity.slots, both.capacity.queue) == (4, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_speed_that_streams_share_is_found_within_a_tenth(seed: int):
    fitted = fitted_capacity(sharing(seed, total=300.0, own=60.0, per_s=1.8))
    assert fitted.decode_tokens_per_s == pytest.approx(300, rel=0.1)
    assert (fitted.slots, fitted.places) == (None, None)


@pytest.mark.parametrize("seed", SEEDS)
def test_whole_answers_that_share_a_speed_are_not_taken_for_a_queue(seed: int):
    assert fitted_capacity(sharing(seed, total=300.0, own=60.0, per_s=1.8, is_stream=False)).slots is None


def test_whole_answers_whose_time_does_not_follow_their_length_are_not_told_from_a_shared_speed():
    rows = before_slots(1, slots=4, per_s=1.7, is_stream=False)
    assert fitted_capacity([replace(one, output_tokens=20) for one in rows]).slots is None


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_of_an_upstream_that_scales_no_limit_is_seen(seed: int, is_stream: bool):
    fitted = fitted_capacity(before_slots(seed, slots=1500, per_s=20, is_stream=is_stream))
    assert (fitted.found, fitted.capacity) == (SeenLimit.UNLIMITED, None)
    assert fitted.most_at_once > 40


@pytest.mark.parametrize("seed", SEEDS)
def test_refusals_that_come_at_any_load_are_a_limit_of_another_kind(seed: int):
    rng = random.Random(seed)
    rows = before_slots(seed, slots=1500, per_s=5)
    some = [replace(one, is_answered=False, is_refused=True) if rng.random() < 0.1 else one for one in rows]
    assert fitted_capacity(some).found is SeenLimit.UNLIMITED


@pytest.mark.parametrize("seed", SEEDS)
def test_refusals_by_the_minute_are_a_limit_of_another_kind(seed: int):
    taken: dict[int, int] = {}
    rows = []
    for one in before_slots(seed, slots=1500, per_s=5):
        minute = int(one.began_s / 60)
        taken[minute] = taken.get(minute, 0) + 1
        rows.append(
            replace(one, ended_s=one.began_s + 0.02, is_answered=False, is_refused=True) if taken[minute] > 300 else one
        )
    assert sum(one.is_refused for one in rows) > 50
    assert fitted_capacity(rows).places is None


@pytest.mark.parametrize("seed", SEEDS)
def test_that_a_place_is_free_may_be_heard_late(seed: int):
    rows = before_slots(seed, slots=4, per_s=2.2, queue=6)
    late = [one if one.is_refused else replace(one, ended_s=one.ended_s + 0.03) for one in rows]
    fitted = fitted_capacity(late)
    assert (fitted.slots, fitted.places) == (4, 10)


def test_too_few_answers_and_answers_one_at_a_time_say_nothing():
    apart = [SeenAttempt(10.0 * n, 10.0 * n + 2, 10.0 * n + 0.3, 50) for n in range(FEWEST)]
    assert fitted_capacity(apart).found is SeenLimit.IDLE
    assert fitted_capacity(apart[1:]).found is SeenLimit.TOO_FEW
    assert fitted_capacity([]).found is SeenLimit.TOO_FEW


def test_the_order_of_the_rows_does_not_matter():
    rows = before_slots(1, slots=3, per_s=1.3)
    assert fitted_capacity(rows[::-1]) == fitted_capacity(rows)
