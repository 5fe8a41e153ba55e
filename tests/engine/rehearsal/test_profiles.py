import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exceptions import BadInput
from engine.rehearsal.profiles import DEFAULT_PROFILE, Profile, Spread

profiles = st.builds(
    Profile,
    st.floats(0, 3_600_000),
    st.floats(0.001, 1_000_000),
    st.floats(0, 3),
    st.sampled_from(["measured", "catalog", "default"]),
)


@given(profiles)
def test_a_profile_survives_json(profile: Profile):
    assert Profile.from_json(profile.to_json()) == profile


def test_the_default_says_that_it_is_one():
    assert (DEFAULT_PROFILE.first_token_ms, DEFAULT_PROFILE.tokens_per_s, DEFAULT_PROFILE.source) == (
        400,
        60,
        "default",
    )


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_spread_keeps_the_mean_and_has_the_deviation_it_is_named_for(share: float):
    rng = random.Random(1)
    factors = [factor for _ in range(20_000) for factor in Spread.of(share).draw_two(rng)]
    assert statistics.fmean(factors) == pytest.approx(1, abs=4 * share / 200)
    assert statistics.stdev(factors) == pytest.approx(share, rel=0.05)
    assert min(factors) > 0


def test_two_factors_are_those_of_the_normal_numbers_that_python_draws():
    ours, theirs, spread = random.Random(3), random.Random(3), Spread.of(0.5)
    drawn = [factor for _ in range(100) for factor in spread.draw_two(ours)]
    assert drawn == [math.exp(spread.sigma * (theirs.gauss(0, 1) - spread.sigma / 2)) for _ in range(200)]


def test_no_spread_is_exactly_one_and_draws_all_the_same():
    without, with_spread = random.Random(1), random.Random(1)
    assert Spread.of(0).draw_two(without) == (1, 1)
    Spread.of(0.5).draw_two(with_spread)
    assert without.random() == with_spread.random()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"first_token_ms": -1}, "profile.first_token_ms"),
        ({"tokens_per_s": 0}, "profile.tokens_per_s"),
        ({"jitter": float("nan")}, "profile.jitter"),
        ({"source": "guessed"}, "profile.source"),
        ({"speed": 1}, "profile.speed"),
        ([], "profile"),
    ],
)
def test_nonsense_is_named(data: object, field: str):
    with pytest.raises(BadInput) as caught:
        Profile.from_json(data)
    assert caught.value.field == field
