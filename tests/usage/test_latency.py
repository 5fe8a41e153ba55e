from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.rehearsal.profiles import DEFAULT_PROFILE
from usage.health.latency import NEWEST, profiles_of, recent_profiles
from usage.models import RequestRecord


def attempt(duration_ms: float, first_token_ms: float | None = None, **fields) -> dict:
    return {
        "deployment_id": "a",
        "status": "success",
        "duration_ms": duration_ms,
        "first_token_ms": first_token_ms,
        **fields,
    }


def test_streams_say_when_the_first_token_came_and_how_fast_the_rest():
    records = [([attempt(ms + 1000.0, ms)], 50, True) for ms in (100.0, 200.0, 900.0)]
    profile = profiles_of(records)["a"]
    assert (profile.first_token_ms, profile.tokens_per_s, profile.source) == (200.0, 50.0, "measured")


def test_of_whole_answers_the_tokens_are_taken_to_come_at_the_usual_speed():
    tokens = 60
    usual_ms = tokens / DEFAULT_PROFILE.tokens_per_s * 1000
    profile = profiles_of([([attempt(usual_ms * 2 + 500)], tokens, False)])["a"]
    assert profile.first_token_ms == usual_ms + 500
    assert profile.tokens_per_s == pytest.approx(DEFAULT_PROFILE.tokens_per_s)


def test_a_fast_whole_answer_is_half_waiting_half_tokens():
    profile = profiles_of([([attempt(100)], 600, False)])["a"]
    assert (profile.first_token_ms, profile.tokens_per_s) == (50, 12_000)


def test_where_there_are_streams_only_they_count():
    records = [([attempt(9000)], 10, False), ([attempt(400, 300)], 10, True)]
    assert profiles_of(records)["a"].first_token_ms == 300


def test_failures_and_what_never_crossed_a_network_say_nothing():
    records = [
        ([attempt(500, status="error")], 10, False),
        ([attempt(0.2)], 3, False),
        ([attempt(500)], None, False),
        ([{**attempt(0), "duration_ms": None, "status": "success"}], 5, True),
        ([], 5, False),
    ]
    assert profiles_of(records) == {}


def test_the_jitter_is_measured_once_there_is_enough_to_measure():
    few = [([attempt(ms + 100.0, ms)], 10, True) for ms in (100.0, 300.0)]
    many = few * 5
    assert profiles_of(few)["a"].jitter == DEFAULT_PROFILE.jitter
    assert profiles_of(many)["a"].jitter == 0.5


@pytest.mark.django_db
def test_only_the_newest_are_read_and_in_one_query(django_assert_num_queries):
    now = timezone.now()
    rows = [
        RequestRecord(
            call_id=str(n),
            model_group="g",
            started_at=now - timedelta(seconds=n),
            duration_ms=1,
            status=200,
            outcome="answered",
            is_stream=True,
            output_tokens=10,
            attempts=[attempt(1100, 100 if n < NEWEST else 900)],
        )
        for n in range(NEWEST + 400)
    ]
    RequestRecord.objects.bulk_create(rows)
    with django_assert_num_queries(1):
        assert recent_profiles()["a"].first_token_ms == 100
