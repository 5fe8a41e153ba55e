"""A deployment's attempts in the log, also in requests that others answered, and what it can take at a time."""

from __future__ import annotations

import pytest

from engine.rehearsal.quantiles import typical
from tests.usage.logged_attempts import BEGIN, log, moment, row, tried
from tests.usage.test_capacity_fit import before_slots, sharing
from usage.health import latency, loads
from usage.health.capacity_fit import FittedCapacity, SeenAttempt, SeenLimit, fitted_capacity
from usage.health.latency import Fits, recent_fits
from usage.health.loads import load_of
from usage.health.logged_answers import newest_of
from usage.models import RequestRecord

pytestmark = pytest.mark.django_db
OURS = "5a3a54d6-ours"


def test_slots_and_places_are_found_of_answers_and_of_what_others_answered_or_nobody():
    log(OURS, before_slots(1, slots=4, per_s=2.2, queue=6, count=1000))
    found = recent_fits([OURS], Fits())[OURS]
    assert (found.capacity.found, found.capacity.slots, found.capacity.places) == (SeenLimit.LIMITED, 4, 10)


def test_the_speed_beside_a_capacity_is_that_of_nobody_else_there():
    log(OURS, before_slots(1, slots=2, per_s=0.8, count=800))
    waited = latency.profiles_of(newest_of(OURS, 1000))[OURS]
    alone = recent_fits([OURS], Fits())[OURS].profile
    assert alone is not None
    assert typical(waited.first_token_ms) > 1000
    assert typical(alone.first_token_ms) == pytest.approx(1000 * 2.718**-1.2, rel=0.15)
    assert alone.first_token_quantile_ms(0.95) < 1000


def test_the_speed_beside_a_shared_one_is_that_of_a_lone_stream():
    log(OURS, sharing(1, total=300.0, own=60.0, per_s=1.8))
    fit = recent_fits([OURS], Fits())[OURS]
    assert fit.profile is not None
    assert fit.capacity.decode_tokens_per_s == pytest.approx(300, rel=0.1)
    assert typical(fit.profile.tokens_per_s) == pytest.approx(60, rel=0.1)


def test_failures_take_a_place_and_a_callers_own_key_refused_says_nothing():
    answered = [SeenAttempt(n, n + 0.5, n + 0.1, 10) for n in range(100)]
    failed = [SeenAttempt(n + 0.2, n + 0.6, is_answered=False) for n in range(100)]
    own = SeenAttempt(50, 50.1, is_answered=False, is_refused=True)
    log(OURS, [*answered, *failed])
    row(900, OURS, own).save()
    RequestRecord.objects.filter(pk=f"{900:08x}").update(attempts=[tried(own, OURS, own_key=True)])
    load = load_of(OURS, list(newest_of(OURS, 1000)))
    assert (len(load.attempts), sum(one.is_answered for one in load.attempts)) == (200, 100)
    assert not any(one.is_refused for one in load.attempts)


def test_a_request_that_it_answered_after_a_refusal_has_both():
    refused = SeenAttempt(0.5, 0.6, is_answered=False, is_refused=True)
    log(OURS, [SeenAttempt(n, n + 0.5, n + 0.1, 10) for n in range(100)])
    row(900, OURS, SeenAttempt(1, 2, 1.5, 10), tried(refused, OURS), started_at=moment(0.5)).save()
    assert sum(one.is_refused for one in load_of(OURS, list(newest_of(OURS, 1000))).attempts) == 1


def test_few_answers_or_answers_without_a_moment_cost_no_further_query(django_assert_num_queries):
    log(OURS, before_slots(1, slots=4, per_s=1.7, count=99))
    with django_assert_num_queries(1):
        assert recent_fits([OURS], Fits())[OURS].capacity.found is SeenLimit.TOO_FEW
    RequestRecord.objects.update(attempts=[{"deployment_id": OURS, "status": "success", "duration_ms": 5.0}])
    with django_assert_num_queries(1):
        assert recent_fits([OURS], Fits())[OURS].capacity.rows == 0


def test_behind_a_busy_group_only_the_time_counts_of_which_all_requests_are_read(monkeypatch):
    log(OURS, [SeenAttempt(n, n + 0.5, n + 0.1, 10, is_answered=n % 2 == 0) for n in range(400)])
    monkeypatch.setattr(loads, "MOST_SEARCHED", 300)
    load = load_of(OURS, list(newest_of(OURS, 1000)))
    assert load.since_s == BEGIN + 99
    assert len(load.attempts) == 301


def test_all_groups_that_it_answers_for_are_searched_and_no_other(django_assert_num_queries):
    log(OURS, [SeenAttempt(n, n + 0.5, n + 0.1, 10, is_answered=n % 2 == 0) for n in range(400)])
    RequestRecord.objects.filter(call_id__lt=f"{200:08x}").update(model_group="search")
    others = [row(n, OURS, SeenAttempt(n - 900, n, is_answered=False), model_group="other") for n in range(1000, 1200)]
    RequestRecord.objects.bulk_create(others)
    answers = list(newest_of(OURS, 1000))
    with django_assert_num_queries(4):
        assert len(load_of(OURS, answers).attempts) == 400


def test_a_capacity_is_kept_while_half_of_its_answers_are_there(monkeypatch):
    made: list[int] = []

    def counted(rows: list[SeenAttempt]) -> FittedCapacity:
        made.append(len(rows))
        return fitted_capacity(rows)

    monkeypatch.setattr(loads, "fitted_capacity", counted)
    kept, rows = Fits(), before_slots(1, slots=4, per_s=1.7, count=900)
    for count in (400, 500, 700, 900):
        RequestRecord.objects.all().delete()
        log(OURS, rows[:count])
        found = recent_fits([OURS], kept)[OURS]
        assert found.capacity.slots == 4
        assert found.rows == count
    assert made == [400, 900]
