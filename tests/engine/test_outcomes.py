"""One rule says how a request ended, and what success is."""

from __future__ import annotations

import pytest

from engine.exceptions import Hindrance, NoneFree
from engine.outcomes import Outcome, outcome_of, success_rate


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 409, 429, 500, 502, 503, 504, 529])
def test_a_deployment_that_did_not_answer_is_a_failure(status: int):
    assert outcome_of(status, was_routed=True) is Outcome.FAILED


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_an_upstream_says_of_the_request_itself_is_a_refusal(status: int):
    assert outcome_of(status, was_routed=True) is Outcome.REFUSED


@pytest.mark.parametrize("status", [400, 402, 403, 404, 413, 429])
def test_what_we_decline_before_any_group_is_asked_is_a_refusal(status: int):
    assert outcome_of(status, was_routed=False) is Outcome.REFUSED


@pytest.mark.parametrize("status", [402, 403, 429])
def test_a_refused_own_key_is_its_callers_trouble(status: int):
    assert outcome_of(status, was_routed=True, code="own_key_refused") is Outcome.REFUSED


def test_a_group_that_cools_down_as_a_whole_has_failed():
    assert outcome_of(429, was_routed=True, code="all_cooling_down") is Outcome.FAILED


@pytest.mark.parametrize("was_routed", [False, True])
def test_trouble_of_our_own_is_a_failure_wherever_it_strikes(was_routed: bool):
    assert outcome_of(500, was_routed=was_routed) is Outcome.FAILED


@pytest.mark.parametrize("was_routed", [False, True])
def test_a_caller_who_hung_up_has_left(was_routed: bool):
    assert outcome_of(499, was_routed=was_routed) is Outcome.LEFT


def test_success_is_answered_of_answered_and_failed():
    assert (success_rate(3, 1), success_rate(0, 40), success_rate(0, 0)) == (0.75, 0.0, None)


def test_a_caller_whom_nobody_can_be_asked_for_is_told_why():
    cooling, limited = Hindrance.COOLING, Hindrance.LIMITED
    assert (
        NoneFree("chat", 4.2).message == "All deployments of 'chat' are cooling down after failures. Try again in 5 s."
    )
    mixed = NoneFree("chat", 4.2, [limited, cooling, limited])
    assert (mixed.code, mixed.error_class, mixed.status, mixed.retry_after_s) == (
        *("all_rate_limited", "AllRateLimited"),
        *(429, 4.2),
    )
    assert mixed.message == (
        "No deployment of 'chat' can be asked now: 2 at their limits of requests or tokens a minute, "
        "1 cooling down after failures. Try again in 5 s."
    )
