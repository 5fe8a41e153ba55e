"""Outages, seen by a stream of requests."""

import math
from itertools import pairwise
from random import Random

import pytest

from engine.core.failures import Failure
from engine.core.state import Group, RoutingState
from tests.engine.core.simulated import Conduct, Fate, Request, World
from tests.engine.core.working import REFUSED, SERVER, SILENT, UNREACHABLE, group, limited

ANSWER: Fate = (0.5, None)
FAILS: Fate = (0.05, SERVER)
HANGS: Fate = (math.inf, None)


def down(key: str, from_s: float, until_s: float, fate: Fate = FAILS) -> Conduct:
    """One deployment is down for a while; the others answer."""
    return lambda asked, now: fate if asked == key and from_s <= now < until_s else ANSWER


def traffic(g: Group, conduct: Conduct, *, per_s: float, for_s: float, seed: int = 1) -> list[Request]:
    world = World([g], conduct, seed=seed)
    for n in range(int(for_s * per_s)):
        world.send(g.name, n / per_s)
    return world.run()


def met(requests: list[Request], failure: Failure) -> int:
    return sum(end is failure for request in requests for _, _, _, end in request.asked)


def back_s(requests: list[Request], key: str, recovered_s: float) -> float:
    """How long after the recovery it answered for the first time."""
    moments = (end for r in requests for name, began, end, failure in r.asked if name == key and began >= recovered_s)
    return min(moments) - recovered_s


@pytest.mark.parametrize("outage_s", [3, 10, 25, 40])
@pytest.mark.parametrize("per_s", [2, 20])
def test_after_an_outage_of_up_to_forty_seconds_the_primary_is_back_within_ten(outage_s: int, per_s: float):
    requests = traffic(group("a", "b"), down("a", 10.0, 10.0 + outage_s), per_s=per_s, for_s=90)
    assert back_s(requests, "a", 10.0 + outage_s) <= 10.0
    assert all(request.is_answered for request in requests)
    assert met(requests, SERVER) <= 20


@pytest.mark.parametrize("outage_s", [20, 30, 40])
@pytest.mark.parametrize("per_s", [0.5, 1, 2, 10])
def test_after_a_silent_outage_of_up_to_forty_seconds_the_primary_is_back_within_ten(outage_s: int, per_s: float):
    requests = traffic(group("a", "b"), down("a", 10.0, 10.0 + outage_s, HANGS), per_s=per_s, for_s=120)
    assert back_s(requests, "a", 10.0 + outage_s) <= 10.0
    assert all(request.is_answered for request in requests)


def test_a_lone_deployment_with_slow_answers_turns_nobody_away_for_longer_than_five_seconds():
    def slow(key: str, now: float) -> Fate:
        return FAILS if now < 10.0 else (14.0, None)

    requests = traffic(group("a", repeats=0), slow, per_s=2, for_s=60)
    let_in = [request.began_s for request in requests if request.is_answered]
    assert let_in[0] <= 15.0
    assert max(later - sooner for sooner, later in pairwise(let_in)) <= 5.5
    assert all(request.is_answered for request in requests if request.began_s > let_in[0] + 14.0)


def test_a_refused_key_that_is_good_again_is_seen_so_beside_a_silent_deployment():
    def conduct(key: str, now: float) -> Fate:
        return HANGS if key == "a" else (0.05, REFUSED) if now < 5.0 else ANSWER

    state, providers = RoutingState(), {"a": "p", "b": "p"}
    one, other = (group(key, state=state, name=key, providers=providers, repeats=0) for key in "ab")
    world = World([one, other], conduct)
    world.send("b", 0.0)
    for n in range(100):
        world.send("a", 10.0 + n)
        world.send("b", 10.2 + n)
    of_b = [request for request in world.run() if request.journey.visits[0].group is other]
    assert all(request.is_answered for request in of_b if request.began_s > 12.0)


def test_during_a_long_silent_outage_a_request_in_hundreds_waits_for_it():
    requests = traffic(group("a", "b"), down("a", 10.0, math.inf, HANGS), per_s=5, for_s=610)
    late = [request for request in requests if request.began_s > 30.0 and "a" in request.path]
    assert len(late) <= 20
    assert all(request.is_answered for request in requests)


def test_a_lone_deployment_is_back_within_five_seconds():
    requests = traffic(group("a", repeats=0), down("a", 10.0, 50.0), per_s=10, for_s=80)
    assert back_s(requests, "a", 50.0) <= 5.6
    assert all(request.is_answered for request in requests if request.began_s > 56.0)


def test_after_a_recovery_all_requests_are_served_at_once_where_nobody_else_can():
    requests = traffic(group("a", repeats=0), down("a", 10.0, 30.0), per_s=100, for_s=60)
    assert all(request.is_answered for request in requests if request.began_s > 36.0)


def test_the_recovering_primary_is_not_hit_by_all_at_once():
    requests = traffic(group("a", "b"), down("a", 10.0, 30.0), per_s=100, for_s=60)
    spans = [(began, end) for r in requests for name, began, end, _ in r.asked if name == "a" and began >= 30.0]
    back = min(end for _, end in spans)
    at_once = [sum(began <= moment < end for began, end in spans) for moment in (back - 0.1, back + 0.4, back + 0.9)]
    assert at_once[0] == 1
    assert at_once[1] <= 1 + 1
    assert at_once[2] <= 4
    later = [request.path for request in requests if request.began_s > 40.0]
    assert later.count("a") == len(later)


@pytest.mark.parametrize("per_s", [0.5, 5, 25])
def test_an_upstream_that_flaps_every_ten_seconds_costs_its_group_few_attempts(per_s: float):
    def flapping(key: str, now: float) -> Fate:
        return FAILS if key == "a" and now % 10 < 5 else ANSWER

    requests = traffic(group("a", "b"), flapping, per_s=per_s, for_s=200)
    assert all(request.is_answered for request in requests)
    assert met(requests, SERVER) <= min(150, 0.25 * len(requests))


def test_ten_requests_that_a_lone_deployment_sent_away_do_not_come_back_all_at_once():
    spans: list[float] = []

    def limits(key: str, now: float) -> Fate:
        spans.append(now)
        return (0.01, limited(2.0)) if now < 1.0 else (0.3, None)

    g = group("a", repeats=2)
    world = World([g], limits)
    for _ in range(10):
        world.send("g", 0.0)
    requests = world.run()
    assert sum(2.0 <= began < 2.3 for began in spans) == 1
    assert all(request.is_answered for request in requests)


def test_with_one_request_a_minute_a_silent_primary_costs_fewer_and_fewer_of_them():
    requests = traffic(group("a", "b"), down("a", 0.0, math.inf, HANGS), per_s=1 / 60, for_s=60 * 200)
    assert met(requests, SILENT) <= 3 + 4 + 200 / 16
    assert met(requests[100:], SILENT) <= 7


def test_a_group_all_of_which_is_down_is_asked_a_little_and_serves_as_soon_as_one_is_back():
    def conduct(key: str, now: float) -> Fate:
        return (0.05, UNREACHABLE) if now < 100.0 or key != "c" else ANSWER

    requests = traffic(group("ab", "c", repeats=0), conduct, per_s=20, for_s=130)
    assert met(requests, UNREACHABLE) <= 3 * (3 + 100 / 5) + 10
    assert all(request.is_answered for request in requests if request.began_s > 105.5)


def test_a_primary_that_fails_one_time_in_five_keeps_most_of_its_traffic_and_loses_no_request():
    chance = Random(5)

    def conduct(key: str, now: float) -> Fate:
        return FAILS if key == "a" and chance.random() < 0.2 else ANSWER

    requests = traffic(group("a", "b"), conduct, per_s=50, for_s=120)
    assert all(request.is_answered for request in requests)
    assert sum(request.path.startswith("a") for request in requests) > 0.7 * len(requests)


def test_a_lone_deployment_that_fails_one_time_in_five_serves_nearly_everything():
    chance = Random(5)

    def conduct(key: str, now: float) -> Fate:
        return FAILS if chance.random() < 0.2 else ANSWER

    requests = traffic(group("a"), conduct, per_s=50, for_s=120)
    assert sum(request.is_answered for request in requests) > 0.95 * len(requests)
