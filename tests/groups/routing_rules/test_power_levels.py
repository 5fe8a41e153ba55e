"""Which pool a power level takes: the score, its scales, and what it promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups.routing_rules.power_levels import (
    BALANCED,
    POWER_LEVELS,
    LevelStrategy,
    PoolFacts,
    Weights,
    cheapness,
    goodness,
    ranked,
    score,
    speed,
    weights_of,
)

SMALL = PoolFacts("small", price_usd=0.2, latency_ms=800, quality=36)
MIDDLE = PoolFacts("middle", price_usd=1.0, latency_ms=800, quality=50)
LARGE = PoolFacts("large", price_usd=15.0, latency_ms=800, quality=74)
QUICK = PoolFacts("quick", price_usd=4.0, latency_ms=120, quality=40)
ALL = (LARGE, SMALL, QUICK, MIDDLE)

amounts = st.none() | st.floats(min_value=0, max_value=1e6)
facts = st.builds(PoolFacts, st.just("pool"), amounts, amounts, st.none() | st.floats(min_value=0, max_value=100))
weights = st.builds(Weights, *3 * [st.floats(min_value=0.01, max_value=100)])


@pytest.mark.parametrize(
    ("strategy", "best"),
    [("cost", "small"), ("balanced", "middle"), ("quality", "large"), ("latency", "quick")],
)
def test_each_strategy_has_its_own_favourite(strategy, best):
    assert ranked(ALL, weights_of(LevelStrategy(strategy)))[0].facts.name == best


def test_the_power_levels_are_strategies_under_names_that_clients_send():
    favourites = {name: ranked(ALL, weights_of(strategy))[0].facts.name for name, strategy in POWER_LEVELS.items()}
    assert favourites == {"auto-eco": "small", "auto-balanced": "middle", "auto-precision": "large"}


def test_custom_weights_count_and_their_size_does_not():
    mostly_speed = Weights(cost=1, latency=8, quality=1)
    assert weights_of(LevelStrategy.CUSTOM, mostly_speed) == mostly_speed
    scores = [score(QUICK, mostly_speed), score(QUICK, Weights(cost=100, latency=800, quality=100))]
    assert scores[0] == scores[1]
    assert ranked(ALL, mostly_speed)[0].facts.name == "quick"


@pytest.mark.parametrize(
    ("usd", "expected"), [(0, 1), (0.001, 1), (0.01, 1), (0.1, 0.75), (1, 0.5), (10, 0.25), (100, 0.01), (1e9, 0.01)]
)
def test_each_factor_of_ten_in_price_is_a_quarter(usd, expected):
    assert cheapness(PoolFacts("pool", price_usd=usd)) == pytest.approx(expected)


def test_what_is_not_known_counts_as_the_middle():
    unknown = PoolFacts("pool")
    assert (cheapness(unknown), speed(unknown), goodness(unknown)) == (0.5, 0.5, 0.5)
    assert score(unknown, BALANCED) == pytest.approx(0.5)


def test_of_equals_the_cheaper_comes_first_then_the_name():
    pools = [
        PoolFacts("b", quality=70, price_usd=3),
        PoolFacts("c", quality=70),
        PoolFacts("a", quality=70, price_usd=3),
    ]
    assert [s.facts.name for s in ranked(pools, weights_of(LevelStrategy.QUALITY))] == ["a", "b", "c"]


@pytest.mark.parametrize("wrong", [Weights(0, 0, 0), Weights(-1, 1, 1)])
def test_weights_of_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="not all 0"):
        score(SMALL, wrong)


@given(facts, weights)
def test_a_score_is_always_between_the_worst_and_the_best(pool, wanted):
    assert 0.01 <= score(pool, wanted) <= 1


@given(st.lists(facts, max_size=6), weights)
def test_another_pool_never_changes_how_two_compare(others, wanted):
    names = [s.facts for s in ranked([SMALL, LARGE, *others], wanted) if s.facts in (SMALL, LARGE)]
    assert names == [s.facts for s in ranked([SMALL, LARGE], wanted)]
