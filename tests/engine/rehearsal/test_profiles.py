import json
import math
import random
import statistics
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exceptions import BadInput
from engine.rehearsal.profiles import DEFAULT_PROFILE, Pace, Profile, Spread, given_profile
from engine.rehearsal.quantiles import Quantiles, Samples

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
        ({"first_token_ms": {}}, "profile.first_token_ms"),
        ({"first_token_ms": {"samples": [1], "quantiles": [[0, 1]]}}, "profile.first_token_ms"),
        ({"first_token_ms": {"samples": []}}, "profile.first_token_ms.samples"),
        ({"first_token_ms": {"samples": [1, -1]}}, "profile.first_token_ms.samples[1]"),
        ({"first_token_ms": {"samples": [True]}}, "profile.first_token_ms.samples[0]"),
        ({"tokens_per_s": {"quantiles": [[0, 1], [0, 2]]}}, "profile.tokens_per_s.quantiles[1]"),
        ({"tokens_per_s": {"quantiles": [[0, 2], [1, 1]]}}, "profile.tokens_per_s.quantiles[1]"),
        ({"tokens_per_s": {"quantiles": [[2, 2]]}}, "profile.tokens_per_s.quantiles[0][0]"),
        ({"tokens_per_s": {"quantiles": [[0, 0]]}}, "profile.tokens_per_s.quantiles[0][1]"),
        ({"tokens_per_s": {"quantiles": [0.5]}}, "profile.tokens_per_s.quantiles[0]"),
        ({"tokens_per_s": {"mean": 1}}, "profile.tokens_per_s.mean"),
        ({"first_token_ms": {"samples": [1]}, "paired": True}, "profile.paired"),
        ({"prefill_tokens_per_s": 0}, "profile.prefill_tokens_per_s"),
        ({"whole_answers": {"whole_answers": {}}}, "profile.whole_answers.whole_answers"),
        ({"whole_answers": {"first_token_ms": "x"}}, "profile.whole_answers.first_token_ms"),
        ([], "profile"),
    ],
)
def test_nonsense_is_named(data: object, field: str):
    with pytest.raises(BadInput) as caught:
        Profile.from_json(data)
    assert caught.value.field == field


def drawn(profile: Profile, count: int = 20_000, *, read: int = 0, written: int = 1, is_stream: bool = True):
    rng, pace = random.Random(5), Pace(profile)
    return [pace.draw(rng, read, written, is_stream=is_stream) for _ in range(count)]


@pytest.mark.parametrize(
    "amounts",
    [
        {"first_token_ms": Samples((1, 2)), "tokens_per_s": Samples((3, 4)), "paired": True},
        {"first_token_ms": Quantiles(((0.5, 1.0), (0.99, 2.0))), "prefill_tokens_per_s": 5.0, "jitter": 0.0},
        {"whole_answers": Profile(1.0, Samples((1.0,)), source="measured"), "rows": 7, "newest_at": "2026-11-30"},
    ],
)
def test_a_measured_profile_survives_json(amounts: dict[str, Any]):
    profile = Profile(**amounts)
    assert Profile.from_json(json.loads(json.dumps(profile.to_json()))) == profile


def test_a_profile_of_an_older_version_still_reads():
    old = {"first_token_ms": 412.5, "tokens_per_s": 71.0, "jitter": 0.4, "source": "measured"}
    assert Profile.from_json(old) == Profile(412.5, 71.0, 0.4, "measured")
    assert Profile.from_json(old).is_plain
    assert Profile.from_json(old).to_json() == old


def test_samples_are_drawn_as_often_as_they_were_measured():
    counts = Counter(first for first, _ in drawn(Profile(Samples((200.0, 200.0, 200.0, 1500.0)), 60.0, 0)))
    assert counts == {0.2: pytest.approx(15_000, rel=0.02), 1.5: pytest.approx(5_000, rel=0.04)}


def test_paired_samples_stay_together():
    pairs = {first: 1 / rest for first, rest in drawn(Profile(Samples((1e3, 2e3)), Samples((9, 3)), paired=True))}
    assert pairs == {1.0: pytest.approx(9), 2.0: pytest.approx(3)}


def test_quantiles_are_met_and_what_is_beyond_them_is_not_made_up():
    profile = Profile(Quantiles(((0.1, 100), (0.5, 300), (0.95, 900), (0.99, 4000))), 60.0, 0)
    firsts_ms = sorted(first * 1000 for first, _ in drawn(profile))
    assert (firsts_ms[0], firsts_ms[-1]) == (100, 4000)
    for share, value in ((0.5, 300), (0.94, 887), (0.98, 3225)):
        assert firsts_ms[int(share * len(firsts_ms))] == pytest.approx(value, rel=0.05)


def test_a_number_beside_samples_has_the_spread_it_is_named_for():
    firsts = [first for first, _ in drawn(Profile(400.0, Samples((60.0,)), 0.25))]
    assert statistics.fmean(firsts) == pytest.approx(0.4, rel=0.01)
    assert statistics.stdev(firsts) == pytest.approx(0.1, rel=0.05)


def test_reading_a_prompt_takes_its_time_before_the_first_token():
    profile = Profile(100.0, 50.0, 0, prefill_tokens_per_s=1000)
    assert drawn(profile, 1, read=500, written=100) == [(0.6, 2.0)]


def test_whole_answers_have_their_own_profile_where_they_are_known_apart():
    profile = Profile(100.0, 50.0, 0, whole_answers=Profile(300.0, 10.0, 0))
    assert drawn(profile, 1, is_stream=True) == [(0.1, 0.02)]
    assert drawn(profile, 1, is_stream=False) == [(0.3, 0.1)]


def test_a_given_number_is_that_number_and_says_that_it_was_given():
    assert given_profile({"first_token_ms": 5}, "profiles.a") == Profile(5.0, 60.0, 0.0, "given")
    assert given_profile({"tokens_per_s": 5, "jitter": 0.5}, "profiles.a") == Profile(400.0, 5.0, 0.5, "given")


def test_a_profile_of_a_run_can_be_given_to_another():
    stored = Profile(Samples((1.0, 2.0)), 9.0, 0, "measured", rows=2, oldest_at="2026", newest_at="2026").to_json()
    assert given_profile(stored, "profiles.a") == Profile(Samples((1.0, 2.0)), 9.0, 0.0, "given")


def test_an_empty_profile_is_refused():
    with pytest.raises(BadInput, match="first_token_ms, tokens_per_s, or both") as caught:
        given_profile({}, "profiles.a")
    assert caught.value.field == "profiles.a"
