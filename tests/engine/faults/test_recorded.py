"""Recorded failures become faults over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.faults.recorded import recorded_faults
from engine.faults.scenarios import has_overlaps
from engine.rehearsal.recorded_traffic import RecordedAttempt

BEGAN = datetime(2030, 1, 31, 14, 30, tzinfo=UTC)


def attempt_at(seconds: float, code: int | None = 200, error_class: str = "", name: str = "a", **fields):
    status = fields.pop("status", "success" if code == 200 else "error")
    at = BEGAN + timedelta(seconds=seconds)
    return RecordedAttempt(name, at, status, code, error_class, **fields)


def faults_of(*attempts: RecordedAttempt, span_s: float = 600, **options):
    found = recorded_faults(attempts, began=BEGAN, span_s=span_s, **options)
    assert not has_overlaps(found)
    return [fault.to_json() for fault in found]


def test_where_nothing_failed_there_is_no_fault():
    assert faults_of(*(attempt_at(n) for n in range(100))) == []


def test_an_outage_begins_and_ends_in_the_middle_between_the_last_answer_and_the_first_failure():
    attempts = [attempt_at(n, 503 if 13 <= n < 47 else 200) for n in range(100)]
    (fault,) = faults_of(*attempts)
    assert fault == {
        "kind": "server_error",
        "status": 503,
        "target": "a",
        "probability": 1.0,
        "from_s": 12.5,
        "until_s": pytest.approx(46.5, abs=0.01),
    }


def test_failures_now_and_then_are_a_share_of_each_bin():
    attempts = [attempt_at(n / 2, 500 if n in (3, 9) else 200) for n in range(60)]
    (fault,) = faults_of(*attempts)
    assert (fault["from_s"], fault["until_s"], fault["probability"], fault["status"]) == (0, 10, 0.1, 500)


def test_two_ways_to_fail_have_their_own_shares_one_after_the_other():
    codes = [503, 200, 503, 200, 429, 503, 200, 429, 200, 503]
    first, second = faults_of(*(attempt_at(n, code) for n, code in enumerate(codes)))
    assert (first["kind"], first["probability"]) == ("server_error", 0.4)
    assert (second["kind"], second["probability"]) == ("rate_limit", round(2 / 6, 4))


def test_a_deployment_that_was_not_asked_while_it_cooled_was_down_between_two_failures():
    (fault,) = faults_of(attempt_at(0), attempt_at(4, 503), attempt_at(50, 503), attempt_at(100))
    assert (fault["from_s"], fault["until_s"]) == (2, pytest.approx(75, abs=0.01))


def test_what_was_not_asked_for_long_is_held_for_a_minute_at_most():
    first, second = faults_of(attempt_at(100, 503), attempt_at(500, 503), span_s=900)
    assert (first["from_s"], first["until_s"]) == (40, pytest.approx(160, abs=0.01))
    assert (second["from_s"], second["until_s"]) == (440, pytest.approx(560, abs=0.01))


def test_each_deployment_has_its_own_faults():
    attempts = [attempt_at(5, 503, name="a"), attempt_at(5, 401, name="b"), attempt_at(5, name="c")]
    assert [(fault["target"], fault["kind"]) for fault in faults_of(*attempts)] == [
        ("a", "server_error"),
        ("b", "unauthorised"),
    ]


@pytest.mark.parametrize(
    ("attempt", "kind"),
    [
        (attempt_at(5, 500), "server_error"),
        (attempt_at(5, 504), "error"),
        (attempt_at(5, 429, "RateLimitError"), "rate_limit"),
        (attempt_at(5, 403), "unauthorised"),
        (attempt_at(5, None, "Timeout"), "timeout"),
        (attempt_at(5, None, "APIConnectionError"), "connection_refused"),
        (attempt_at(5, 400, "ContentPolicyViolationError"), "content_filter"),
        (attempt_at(5, None, "APIConnectionError", has_begun=True), "stream_cut"),
        (attempt_at(5, None, "Timeout", has_begun=True), "stream_stall"),
    ],
)
def test_each_failure_has_its_kind_of_fault(attempt, kind):
    assert [fault["kind"] for fault in faults_of(attempt)] == [kind]


@pytest.mark.parametrize(
    "attempt",
    [
        attempt_at(5, 400, "BadRequestError"),
        attempt_at(5, 429, is_own_key_refused=True),
        attempt_at(5, None, status="cancelled"),
        attempt_at(5, None, status="pending"),
        attempt_at(5, 503, name=""),
    ],
)
def test_what_says_nothing_about_a_deployment_is_no_fault(attempt):
    assert faults_of(attempt) == []


def test_bins_get_wider_where_there_would_be_too_many_faults():
    attempts = [attempt_at(n, 503 if n % 7 == 0 else 200) for n in range(1000)]
    found = faults_of(*attempts, span_s=1000, most=20)
    assert 10 <= len(found) <= 20
    assert {fault["until_s"] - fault["from_s"] for fault in found} == {80.0}


def test_faults_do_not_depend_on_the_order_of_the_attempts():
    attempts = [attempt_at(n / 3, 503 if n % 5 else 200, name="ab"[n % 2]) for n in range(200)]
    assert faults_of(*attempts) == faults_of(*reversed(attempts))
