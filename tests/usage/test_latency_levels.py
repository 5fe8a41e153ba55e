"""A few numbers hold a distribution: how exactly."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from usage.rollups.latency_levels import HIGHEST, LOWEST, level_of, percentile_ms


def counted(values: list[float]) -> Counter[int]:
    return Counter(level_of(value) for value in values)


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("spread", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("middle_ms", [3.0, 120.0, 900.0, 20_000.0])
def test_percentiles_are_within_five_percent(share: float, spread: float, middle_ms: float):
    rng = random.Random(8)
    values = sorted(middle_ms * rng.lognormvariate(0, spread) for _ in range(2000))
    exact = values[int(share * len(values))]
    assert percentile_ms(counted(values), share) == pytest.approx(exact, rel=0.05)


def test_a_single_answer_is_off_by_no_more_than_its_level_is_wide():
    assert percentile_ms(counted([100.0]), 0.5) == pytest.approx(100.0, rel=0.19)


def test_nothing_has_no_percentile():
    assert percentile_ms({}, 0.5) is None


def test_what_is_beyond_counts_at_the_end():
    assert (level_of(0.0), level_of(-1.0), level_of(1e300)) == (LOWEST, LOWEST, HIGHEST)
