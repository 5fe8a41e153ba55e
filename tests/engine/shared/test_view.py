"""What is told of a process's state, and what news change in it; as messages, without a store."""

from __future__ import annotations

import pytest

from engine.core.breaker import State
from engine.core.state import RoutingState
from engine.core.wishes import Wish
from engine.shared.messages import News, Reported, described, packed, packed_breaker, unpacked, unpacked_breaker
from engine.shared.view import SharedView
from engine.upstreams import failures
from tests.engine.core.working import SERVER, group, shut
from tests.engine.scripted import deployment


class One:
    """A process of one deployment `a`."""

    def __init__(self, name: str) -> None:
        self.state = RoutingState()
        self.group = group("a", state=self.state)
        self.view = SharedView(name, self.state)
        self.view.caught_up(self.view.unknown(), {}, 0.0)
        self.a = self.state.healths()["a"]


def tell(one: One, other: One, now: float = 1.0) -> bool:
    """Whether there was anything to tell; over the wire."""
    news = one.view.news(now)
    if news is not None:
        other.view.hear(unpacked(packed(news)), now)
        one.view.delivered()
    return news is not None


def test_nothing_is_told_while_nothing_changes():
    one, other = One("1"), One("2")
    assert not tell(one, other)
    one.a.in_flight = 2
    assert (tell(one, other), other.a.away, tell(one, other)) == (True, 2, False)


def test_what_was_heard_is_not_told_back():
    one, other = One("1"), One("2")
    shut(one.a.breaker, 1.0, 30.0, "3×503")
    assert tell(one, other)
    assert (other.a.breaker.state(2.0), other.a.breaker.until_s) == (State.OPEN, 31.0)
    assert not tell(other, one)


def test_news_that_did_not_arrive_are_told_again():
    one, other = One("1"), One("2")
    shut(one.a.breaker, 1.0, 30.0, "3×503")
    assert one.view.news(1.0) is not None
    assert tell(one, other)


def test_a_process_counts_no_pause_shorter_than_its_own():
    one, other = One("1"), One("2")
    shut(other.a.breaker, 1.0, 60.0, "3×503")
    tell(other, One("3"))
    shut(one.a.breaker, 1.0, 5.0, "3×503")
    tell(one, other)
    assert other.a.breaker.until_s == 61.0


def test_what_has_just_changed_here_counts_more_than_what_is_heard():
    one, other = One("1"), One("2")
    shut(one.a.breaker, 1.0, 30.0, "3×503")
    tell(one, other)
    one.a.breaker.close()
    shut(other.a.breaker, 1.0, 40.0, "once more")
    tell(one, other)
    assert other.a.breaker.state(2.0) is State.OPEN
    tell(other, one)
    assert one.a.breaker.until_s == 41.0


def test_a_recovery_lets_few_in_at_a_time_over_all_processes():
    one, other = One("1"), One("2")
    shut(one.a.breaker, 0.0, 1.0, "3×503")
    tell(one, other)
    one.a.breaker.succeeded(2.0, one.a.breaker.entered(2.0))
    tell(one, other, 2.0)
    assert other.a.breaker.state(2.0) is State.CLOSED
    one.a.breaker.entered(2.0)
    tell(one, other, 2.0)
    assert other.a.breaker.state(2.0) is State.RECOVERING


def test_a_breaker_that_is_kept_says_how_it_is_by_now():
    one = One("1")
    shut(one.a.breaker, 10.0, 30.0, "3×503")
    kept = packed_breaker(one.a.breaker.say(10.0), 60_000)
    said = unpacked_breaker(kept, 52_000)
    assert (said.left_s, said.paused_s, said.cause) == (22.0, 8.0, "3×503")


def test_who_was_cut_off_learns_what_is_open_and_what_was_closed_meanwhile():
    one, other = One("1"), One("2")
    shut(one.a.breaker, 1.0, 30.0, "3×503")
    tell(one, other)
    other.view.caught_up(["deployment:a"], {}, 2.0)
    assert other.a.breaker.is_quiet
    other.view.caught_up(["deployment:a"], {"deployment:a": one.a.breaker.say(3.0)}, 3.0)
    assert other.a.breaker.until_s == 31.0


def test_a_store_that_lost_its_data_closes_nothing():
    one, other = One("1"), One("2")
    shut(one.a.breaker, 1.0, 30.0, "3×503")
    tell(one, other)
    other.view.tell_all()
    other.view.caught_up(["deployment:a"], {}, 2.0)
    assert other.a.breaker.state(2.0) is State.OPEN
    assert tell(other, One("3"), 2.0)


def test_a_deployment_that_was_forgotten_and_is_new_again_closes_nothing_elsewhere():
    one, other = One("1"), One("2")
    shut(one.a.breaker, 1.0, 30.0, "3×503")
    tell(one, other)
    one.state.adopt("g", ["a"], Wish(None))
    one.state.forget("g")
    group("a", state=one.state)
    assert one.view.unknown() == ["deployment:a"]
    tell(one, other)
    assert other.a.breaker.state(2.0) is State.OPEN
    one.view.caught_up(one.view.unknown(), {"deployment:a": other.a.breaker.say(2.0)}, 2.0)
    assert one.state.healths()["a"].breaker.state(2.0) is State.OPEN


def test_an_error_is_told_as_people_see_it():
    one, other = One("1"), One("2")
    error = failures.from_response(deployment("a"), 503, b'{"error": {"message": "Overloaded"}}', {})
    for _ in range(3):
        one.a.breaker.sent += 1
        one.a.breaker.failed(1.0, type(SERVER)(SERVER.kind, None, "503", error), 0)
    tell(one, other)
    assert other.a.breaker.last is not None
    assert described(other.a.breaker.last.cause) == described(error)
    assert isinstance(other.a.breaker.last.cause, Reported)


def test_a_silent_process_holds_nothing():
    one, other = One("1"), One("2")
    one.a.in_flight = 2
    tell(one, other)
    other.view.forget_silent(2.0)
    assert other.a.away == 2
    other.view.forget_silent(5.0)
    assert other.a.away == 0


def test_a_wish_says_nothing_about_what_is_in_flight():
    one, other = One("1"), One("2")
    one.a.in_flight = 2
    tell(one, other)
    other.view.hear(unpacked(packed(News("1", wants="a"))), 1.0)
    assert other.a.away == 2


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"from": "1", "breakers": {"deployment:a": {}}}', b"null"])
def test_what_is_no_news_is_an_error_of_its_own(data):
    with pytest.raises(ValueError, match=r"."):
        unpacked(data)
