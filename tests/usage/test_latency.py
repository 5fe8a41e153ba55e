from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from engine.rehearsal.profiles import DEFAULT_PROFILE
from engine.rehearsal.quantiles import Samples
from tests.usage.log import plan_of
from usage.health import latency
from usage.health.latency import NEWEST, Fits, profiles_of, recent_profiles
from usage.health.logged_answers import Logged, newest_of
from usage.models import RequestRecord


def attempt(duration_ms: float | None, first_token_ms: float | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "deployment_id": "a",
        "status": "success",
        "duration_ms": duration_ms,
        "first_token_ms": first_token_ms,
        **fields,
    }


def row(output_tokens: int | None, *attempts: dict[str, Any], read: int = 10, cached: int | None = None) -> Logged:
    is_stream = any(one.get("first_token_ms") for one in attempts)
    return Logged(list(attempts), read, output_tokens, cached, is_stream, datetime(2026, 11, 30, tzinfo=UTC))


def test_streams_say_when_the_first_token_came_and_how_fast_the_rest():
    profile = profiles_of([row(50, attempt(ms + 1000.0, ms)) for ms in (100.0, 200.0, 900.0)])["a"]
    assert (profile.first_token_ms, profile.tokens_per_s, profile.source, profile.rows) == (200.0, 50.0, "measured", 3)


def test_of_a_few_whole_answers_the_tokens_are_taken_to_come_at_the_usual_speed():
    profile = profiles_of([row(60, attempt(1000 * 2 + 500))])["a"]
    assert (profile.first_token_ms, profile.tokens_per_s) == (1500, 60)


def test_a_fast_whole_answer_is_half_waiting_half_tokens():
    profile = profiles_of([row(600, attempt(100))])["a"]
    assert (profile.first_token_ms, profile.tokens_per_s) == (50, 12_000)


def test_streams_and_whole_answers_are_told_apart():
    whole, streams = [row(10, attempt(9000))] * 30, [row(10, attempt(400, 300))] * 30
    profile = profiles_of(whole + streams)["a"]
    assert (profile.first_token_ms, profile.rows) == (Samples((300,) * 30), 30)
    assert profile.whole_answers is not None
    assert profile.whole_answers.rows == 30
    assert profile.whole_answers.first_token_ms == Samples((round(9000 - 10 / 60 * 1000, 2),) * 30)


def test_beside_streams_a_few_whole_answers_do_not_count():
    profile = profiles_of([row(10, attempt(9000)), row(10, attempt(400, 300))])["a"]
    assert (profile.first_token_ms, profile.whole_answers) == (300, None)


def test_failures_and_what_never_crossed_a_network_say_nothing():
    rows = [
        row(10, attempt(500, status="error")),
        row(3, attempt(0.2)),
        row(None, attempt(500)),
        row(5, attempt(None)),
        row(5),
    ]
    assert profiles_of(rows) == {}


def test_a_few_answers_have_the_default_spread():
    few = [row(10, attempt(ms + 100.0, ms)) for ms in (100.0, 300.0)]
    assert profiles_of(few)["a"].jitter == DEFAULT_PROFILE.jitter


def test_a_token_of_a_prompt_takes_what_it_took_and_cached_ones_nothing():
    rows = [row(10, attempt(read / 2 + 1000, read / 2 + 100), read=read) for read in range(100, 2100, 100)]
    warm = [row(10, attempt(1000, 100), read=5000, cached=5000) for _ in range(20)]
    profile = profiles_of(rows + warm)["a"]
    assert profile.prefill_tokens_per_s == pytest.approx(2000)
    assert profile.first_token_ms == Samples((100,) * 40)


def test_of_a_rescued_stream_only_the_tokens_of_its_last_part_count():
    broken = attempt(500, 100, status="error", deployment_id="b", part=[10, 90, None])
    profile = profiles_of([row(100, broken, attempt(1100, 100, rescue="continued", part=[100, 10, None]))])["a"]
    assert profile.tokens_per_s == 10


def test_of_a_hedged_request_the_tokens_of_the_slower_attempt_do_not_count():
    lost = attempt(500, status="cancelled", deployment_id="b", hedge="hedge_lost", part=[10, 40, None])
    assert profiles_of([row(50, lost, attempt(1100, 100, hedge="hedged"))])["a"].tokens_per_s == 10


def logged(number: int, first_token_ms: float, deployment_id: str = "a", **fields: Any) -> RequestRecord:
    """The older the higher its number."""
    return RequestRecord(
        call_id=f"{deployment_id}-{number}",
        model_group="g",
        deployment_id=deployment_id,
        started_at=timezone.now() - timedelta(seconds=number),
        duration_ms=1,
        status=200,
        **{"outcome": "answered", "is_stream": True, "output_tokens": 10, **fields},
        attempts=[attempt(first_token_ms + 1000, first_token_ms, deployment_id=deployment_id)],
    )


@pytest.mark.django_db
def test_each_deployment_has_its_own_newest_rows_however_busy_the_others_are(django_assert_num_queries):
    busy = [logged(n, 100 if n < NEWEST else 900) for n in range(NEWEST + 50)]
    RequestRecord.objects.bulk_create([*busy, logged(NEWEST * 3, 700, "rare"), logged(0, 1, "other")])
    with django_assert_num_queries(3):
        profiles = recent_profiles(["a", "rare", "unknown"])
    assert set(profiles) == {"a", "rare"}
    assert profiles["a"].first_token_ms == Samples((100,) * NEWEST)
    assert profiles["rare"].first_token_ms == 700


@pytest.mark.django_db
def test_answers_are_found_by_an_index_behind_any_number_of_failures():
    others = [logged(n, 100, deployment_id=f"other-{n % 50}") for n in range(1000, 4000)]
    RequestRecord.objects.bulk_create(others, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usage_requestrecord")
    rows = RequestRecord.objects.filter(deployment_id="other-7", outcome="answered").order_by("-started_at")[:10]
    assert "request_of_deployment_by_time" in plan_of(rows)
    RequestRecord.objects.bulk_create([logged(n, 100, outcome="failed") for n in range(20)] + [logged(99, 300)])
    assert [found.attempts[0]["first_token_ms"] for found in newest_of("a", 10)] == [300]


class Clock:
    """The time in seconds; it goes by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def fits() -> tuple[Fits, Clock]:
    clock = Clock()
    return Fits(clock), clock


@pytest.mark.django_db
def test_a_profile_is_fitted_once_until_newer_answers_count(fits, monkeypatch):
    kept, _ = fits
    made: list[str] = []
    fitted = latency._fitted

    def counted(name: str, *rest: Any) -> latency.Fit:
        made.append(name)
        return fitted(name, *rest)

    monkeypatch.setattr(latency, "_fitted", counted)
    RequestRecord.objects.bulk_create([logged(n, 100) for n in range(10, 50)])
    first = recent_profiles(["a"], kept)
    assert recent_profiles(["a"], kept) == first
    RequestRecord.objects.bulk_create([logged(9, 900), logged(8, 900)])
    assert recent_profiles(["a"], kept) == first, "one in twenty is newer"
    RequestRecord.objects.bulk_create([logged(7, 900)])
    assert recent_profiles(["a"], kept)["a"].rows == 43
    assert made == ["a", "a"]


@pytest.mark.django_db
def test_of_few_answers_each_newer_one_counts_and_the_first_one_too(fits):
    kept, _ = fits
    assert recent_profiles(["a"], kept) == {}
    RequestRecord.objects.bulk_create([logged(9, 100)])
    assert recent_profiles(["a"], kept)["a"].first_token_ms == 100
    RequestRecord.objects.bulk_create([logged(8, 300)])
    assert recent_profiles(["a"], kept)["a"].first_token_ms == 200


@pytest.mark.django_db
def test_a_profile_of_rows_that_are_gone_or_of_long_ago_is_fitted_again(fits):
    kept, clock = fits
    RequestRecord.objects.bulk_create([logged(n, 100) for n in range(10, 50)])
    recent_profiles(["a"], kept)
    RequestRecord.objects.update(attempts=[attempt(1900, 900)])
    assert recent_profiles(["a"], kept)["a"].first_token_ms == Samples((100,) * 40)
    clock.now_s = latency.KEPT_S + 1
    assert recent_profiles(["a"], kept)["a"].first_token_ms == Samples((900,) * 40)
    RequestRecord.objects.order_by("-started_at")[:1].get().delete()
    assert recent_profiles(["a"], kept)["a"].rows == 39


@pytest.mark.django_db
def test_moments_keep_their_time_and_no_more_profiles_are_kept_than_some(fits, monkeypatch):
    kept, _ = fits
    monkeypatch.setattr(latency, "MOST_KEPT", 2)
    at = datetime(2030, 1, 31, 14, 30, 5, tzinfo=UTC)
    RequestRecord.objects.bulk_create([logged(1, 100), logged(2, 100, "b")])
    RequestRecord.objects.update(started_at=at)
    assert recent_profiles(["a"], kept)["a"].newest_at == "2030-01-31T14:30:05+00:00"
    recent_profiles(["b", "c", "d"], kept)
    assert len(kept._kept) == 2
