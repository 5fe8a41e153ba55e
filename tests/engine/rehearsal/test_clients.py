from __future__ import annotations

import pytest

from engine.exceptions import NoneFree, RequestFailed
from engine.rehearsal.clients import ClientRetries


def failed(status: int, retry_after_s: float | None = None) -> RequestFailed:
    return RequestFailed("why", status=status, error_class="Error", retry_after_s=retry_after_s)


def test_a_client_that_is_answered_asks_again_at_once():
    assert ClientRetries("1").wait_s(None) == 0


def test_a_retry_after_of_up_to_a_minute_is_honoured_in_whole_seconds():
    assert ClientRetries("1").wait_s(NoneFree("chat", 29.2)) == 30
    assert ClientRetries("1").wait_s(failed(429, 60)) == 60


@pytest.mark.parametrize("retry_after_s", [None, 0.0, 61.0])
def test_without_one_a_client_backs_off_for_half_a_second_and_then_twice_as_long(retry_after_s: float | None):
    manners = ClientRetries("1")
    first, second = (manners.wait_s(failed(429, retry_after_s)) for _ in range(2))
    assert 0.375 <= first <= 0.5
    assert 0.75 <= second <= 1


def test_after_two_retries_it_gives_up_and_goes_on_to_the_next_thing():
    manners = ClientRetries("1")
    waits = [manners.wait_s(failed(503)) for _ in range(4)]
    assert [wait > 0 for wait in waits] == [True, True, False, True]
    assert waits[3] <= 0.5


@pytest.mark.parametrize(("status", "waits"), [(400, False), (401, False), (408, True), (409, True), (502, True)])
def test_only_what_may_pass_is_tried_again(status: int, waits: bool):
    assert (ClientRetries("1").wait_s(failed(status)) > 0) is waits


def test_the_same_source_gives_the_same_waits():
    assert ClientRetries("7:client:1").wait_s(failed(503)) == ClientRetries("7:client:1").wait_s(failed(503))
    assert ClientRetries("7:client:1").wait_s(failed(503)) != ClientRetries("7:client:2").wait_s(failed(503))
