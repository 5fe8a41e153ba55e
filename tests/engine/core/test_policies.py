from collections import Counter
from random import Random

import pytest

from engine.core.policies import LOOKS_AGAIN, POLICIES
from engine.core.state import Group
from engine.spec import Strategy
from tests.engine.core.working import group, health_of

LATENCY = "latency-based-routing"


def picks(g: Group, count: int = 1000, *, is_stream: bool = False, now: float = 1.0, seed: int = 1) -> Counter[str]:
    rng = Random(seed)
    return Counter(g.pick(g.tiers[0], rng, is_stream, now).key for _ in range(count))


def measured(paces_s: dict[str, float], now: float = 0.0, *, is_stream: bool = False) -> Group:
    g = group("".join(paces_s), strategy=LATENCY)
    for key, seconds in paces_s.items():
        for _ in range(3):
            health_of(g, key).answered(now, seconds if is_stream else None, seconds, 1)
    return g


def test_every_strategy_has_its_policy():
    assert set(POLICIES) == {strategy.value for strategy in Strategy}


@pytest.mark.parametrize("strategy", [s for s in POLICIES if s not in (LATENCY, "weighted")])
def test_where_all_are_alike_chance_decides(strategy: str):
    shares = picks(group("abc", strategy=strategy), 3000)
    assert min(shares[key] for key in "abc") > 900


def test_weights_are_shares():
    g = group("abc", strategy="weighted", rows={"a": {"weight": 1.0}, "b": {"weight": 3.0}, "c": {"weight": 6.0}})
    shares = picks(g, 10_000)
    assert [round(shares[key] / 10_000, 1) for key in "abc"] == [0.1, 0.3, 0.6]


def test_limits_are_no_weights():
    shares = picks(group("ab", strategy="simple-shuffle", rows={"a": {"rpm": 10}}), 1000)
    assert 400 < shares["a"] < 600


def test_least_busy_counts_what_other_processes_have_in_flight():
    g = group("ab", strategy="least-busy")
    health_of(g, "a").in_flight = 1
    assert picks(g) == {"b": 1000}
    health_of(g, "b").away = 2
    assert picks(g) == {"a": 1000}


def test_the_cheapest_is_asked_free_is_cheapest_and_unknown_is_last():
    rows: dict[str, dict[str, float | None]] = {
        "a": {"cost_usd": 2e-6},
        "b": {"cost_usd": 0.0},
        "c": {"cost_usd": None},
    }
    assert picks(group("abc", strategy="cost-based-routing", rows=rows)) == {"b": 1000}
    assert picks(group("ac", strategy="cost-based-routing", rows=rows)) == {"a": 1000}


def test_usage_is_of_this_minute():
    g = group("ab", strategy="usage-based-routing-v2")
    for key, tokens in (("a", 100), ("b", 10)):
        health_of(g, key).roll(1.0)
        health_of(g, key).tokens = tokens
    assert picks(g, now=59.0) == {"b": 1000}
    assert len(picks(g, now=60.0)) == 2


def test_usage_is_a_share_of_the_limit_where_all_have_one():
    g = group("ab", strategy="usage-based-routing-v2", rows={"a": {"tpm": 1000}, "b": {"tpm": 50}})
    for key, tokens in (("a", 100), ("b", 40)):
        health_of(g, key).roll(1.0)
        health_of(g, key).tokens = tokens
    assert picks(g) == {"a": 1000}


# Latency


def test_the_fastest_is_asked():
    assert picks(measured({"a": 2.0, "b": 1.0, "c": 3.0})) == {"b": 1000}


def test_those_within_a_tenth_of_the_fastest_are_as_fast():
    shares = picks(measured({"a": 1.05, "b": 1.0, "c": 1.2}))
    assert set(shares) == {"a", "b"}
    assert min(shares.values()) > 400


def test_a_stream_is_fast_when_its_first_token_is():
    g = measured({"a": 1.0, "b": 2.0}, is_stream=True)
    health_of(g, "a").answered(0.0, None, 100.0, 1)
    assert picks(g, is_stream=True) == {"a": 1000}


def test_one_that_was_never_measured_is_asked_by_one_request_at_a_time():
    g = group("ab", strategy=LATENCY)
    health_of(g, "a").answered(0.0, None, 1.0, 1)
    assert picks(g) == {"b": 1000}
    health_of(g, "b").in_flight = 1
    assert picks(g) == {"a": 1000}
    health_of(g, "b").in_flight, health_of(g, "b").away = 0, 1
    assert picks(g) == {"a": 1000}


def test_where_nothing_is_measured_and_all_are_asked_chance_decides():
    g = group("ab", strategy=LATENCY)
    for row in g.targets():
        row.health.in_flight = 1
    assert min(picks(g).values()) > 400


def test_after_a_minute_one_request_in_ten_measures_again_one_at_a_time():
    g = measured({"a": 1.0, "b": 5.0})
    health_of(g, "a").answered(50.0, None, 1.0, 1)
    assert picks(g, now=59.0) == {"a": 1000}
    assert picks(g, 10_000, now=61.0)["b"] / 10_000 == pytest.approx(LOOKS_AGAIN, abs=0.01)
    health_of(g, "b").in_flight = 1
    assert picks(g, now=61.0) == {"a": 1000}


def test_with_a_request_a_minute_the_fastest_known_is_asked_nine_times_in_ten():
    g, rng, asked = measured({"a": 1.0, "b": 5.0, "c": 9.0}), Random(3), Counter[str]()
    for minute in range(1, 501):
        row = g.pick(g.tiers[0], rng, False, 70.0 * minute)
        row.health.answered(70.0 * minute, None, {"a": 1.0, "b": 5.0, "c": 9.0}[row.key], 1)
        asked[row.key] += 1
    assert asked["a"] > 440


def test_one_that_became_the_fastest_is_found():
    g, rng = measured({"a": 1.0, "b": 5.0}), Random(3)
    asked = Counter[str]()
    for n in range(2000):
        now = n / 10
        row = g.pick(g.tiers[0], rng, False, now)
        row.health.answered(now, None, 1.0 if row.key == "a" else 0.5, 1)
        asked[row.key] += now > 100
    assert asked["b"] > 900
