"""What each fault does to an attempt, and when and how often it strikes."""

import math
from typing import Any

import pytest

from engine.faults.conditions import Conditions
from engine.faults.fates import Broken, Fate, Refusal, Silence
from engine.faults.kinds import (
    KINDS,
    ConnectionRefused,
    ContentFilter,
    ContextTooLong,
    Degradation,
    Fault,
    Flapping,
    Outage,
    Quota,
    RateLimit,
    ServerError,
    Slow,
    StreamCut,
    StreamStall,
    Timeout,
    Unauthorised,
)
from engine.faults.targets import TargetedFault
from engine.rehearsal.profiles import Profile

STEADY = Profile(first_token_ms=200, tokens_per_s=100, jitter=0)
ATTEMPTS = 5_000


def conditions(*faults: Fault, name: str = "a", seed: int = 1, profile: Profile = STEADY, **aim: Any) -> Conditions:
    return Conditions(name, profile, enumerate(TargetedFault(fault, "*", **aim) for fault in faults), seed)


def fate_of(*faults: Fault, at_s: float = 0.0, tokens: tuple[int, int] = (1000, 100), **aim: Any) -> Fate:
    return conditions(*faults, **aim).fate(at_s, *tokens, is_stream=True)


def refusals(place: Conditions, *, at_s: float = 0.0) -> int:
    return sum(place.fate(at_s, 10, 10).trouble is not None for _ in range(ATTEMPTS))


def assert_share(count: int, share: float) -> None:
    """Within four standard deviations of the binomial distribution."""
    assert abs(count - ATTEMPTS * share) <= 4 * math.sqrt(ATTEMPTS * share * (1 - share))


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        (ServerError(500), (500, None)),
        (ServerError(), (503, None)),
        (RateLimit(), (429, None)),
        (RateLimit(retry_after_s=5), (429, 5)),
        (Unauthorised(), (401, None)),
        (ContentFilter(), (400, None)),
        (ContextTooLong(limit_tokens=999), (400, None)),
        (Outage(), (503, None)),
        (Flapping(period_s=10, down_s=1), (503, None)),
    ],
)
def test_a_fault_answers_with_its_status(fault: Fault, trouble: tuple[int, float | None]):
    refusal = fate_of(fault).trouble
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.retry_after_s) == trouble


@pytest.mark.parametrize("fault", [ConnectionRefused(), Outage("refused"), Flapping(10, 1, answers="refused")])
def test_a_refused_connection_has_no_answer(fault: Fault):
    assert isinstance(fate_of(fault).trouble, Broken)


def test_a_timeout_is_silence():
    assert isinstance(fate_of(Timeout()).trouble, Silence)


def test_a_context_as_long_as_the_limit_fits():
    assert fate_of(ContextTooLong(limit_tokens=1000)).trouble is None


def test_without_faults_an_attempt_takes_what_the_profile_says():
    fate = fate_of()
    assert (fate.first_token_s, fate.output_s, fate.trouble, fate.breaks_at) == (0.2, 1.0, None, None)


def test_slow_multiplies_everything_and_delays_the_first_token():
    fate = fate_of(Slow(factor=3, extra_ms=500))
    assert fate.first_token_s == pytest.approx(1.1)
    assert fate.output_s == 3.0


@pytest.mark.parametrize(("fault", "is_stalled"), [(StreamCut(0.3), False), (StreamStall(0.3), True)])
def test_a_stream_breaks_where_it_is_told_to(fault: Fault, is_stalled: bool):
    fate = fate_of(fault)
    assert (fate.trouble, fate.breaks_at, fate.is_stalled) == (None, 0.3, is_stalled)


@pytest.mark.parametrize("fault", [StreamCut(), StreamStall()])
def test_a_whole_answer_does_not_break_off(fault: Fault):
    place = conditions(fault)
    assert place.fate(0, 10, 10).breaks_at is None
    assert list(place.struck) == []


def test_the_first_trouble_stays():
    refusal = fate_of(RateLimit(), ServerError(), Timeout()).trouble
    assert isinstance(refusal, Refusal)
    assert refusal.status == 429
    assert fate_of(StreamCut(0.1), StreamStall(0.9)).is_stalled is False


NEEDS: dict[str, dict[str, Any]] = {
    "quota": {"tpm": 1},
    "context_too_long": {"limit_tokens": 1},
    "flapping": {"period_s": 1, "down_s": 1},
    "slow": {"factor": 2},
    "error": {"status": 418},
    "degradation": {"factor": 2},
}


# All requests share a capacity and a price: they have no probability.
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"capacity", "price"}))
@pytest.mark.parametrize("probability", [0.02, 0.3, 0.97])
def test_each_fault_strikes_as_often_as_its_probability(kind: str, probability: float):
    place = conditions(KINDS[kind](**NEEDS.get(kind, {})), probability=probability, from_s=10, until_s=20)
    untouched = Fate(15, 10, 10, 0.2, 0.1, is_stream=True)
    assert_share(sum(place.fate(15, 10, 10, is_stream=True) != untouched for _ in range(ATTEMPTS)), probability)


def test_a_window_is_honoured_to_the_millisecond():
    place = conditions(Outage(), from_s=10, until_s=70)
    at_s = [0, 9.999, 10, 10.001, 69.999, 70, 70.001]
    assert [place.fate(t, 1, 1).trouble is not None for t in at_s] == [False, False, True, True, True, False, False]


def test_flapping_is_down_first_and_up_for_the_rest_of_each_period():
    place = conditions(Flapping(period_s=0.3, down_s=0.1), from_s=5)
    at_s = [4.999, 5, 5.099, 5.1, 5.299, 5.3, 5.399, 5.4, 5.6, 35, 35.1]
    down = [False, True, True, False, False, True, True, False, True, True, False]
    assert [place.fate(t, 1, 1).trouble is not None for t in at_s] == down


def test_degradation_gets_worse_evenly_and_then_is_over():
    place = conditions(Degradation(factor=5), from_s=100, until_s=200)
    first_token_s = [place.fate(t, 1, 1).first_token_s for t in (99.999, 100, 125, 150, 199.999, 200)]
    assert first_token_s == pytest.approx([0.2, 0.2, 0.4, 0.6, 1.0, 0.2], abs=1e-4)


@pytest.mark.parametrize(("at_s", "share"), [(100, 0), (150, 0.2), (175, 0.3), (199.999, 0.4), (200, 0)])
def test_errors_of_a_degradation_grow_with_it(at_s: float, share: float):
    assert_share(refusals(conditions(Degradation(error_rate=0.4), from_s=100, until_s=200), at_s=at_s), share)


def test_errors_of_a_partial_degradation_are_its_probability_of_its_rate():
    place = conditions(Degradation(error_rate=0.8), probability=0.5, from_s=0, until_s=200)
    assert_share(refusals(place, at_s=100), 0.5 * 0.8 * 0.5)


def test_a_quota_of_requests_is_exact_in_each_minute():
    place = conditions(Quota(rpm=20))
    for minute in range(3):
        fates = [place.fate(60 * minute + n, 1, 1) for n in range(50)]
        assert [fate.trouble is None for fate in fates] == [True] * 20 + [False] * 30


def test_a_quota_of_tokens_counts_what_was_let_in():
    place = conditions(Quota(tpm=1000))
    sizes = [(400, 100), (400, 200), (400, 100), (1, 0)]
    assert [place.fate(30, *tokens).trouble is None for tokens in sizes] == [True, False, True, False]


@pytest.mark.parametrize(("at_s", "retry_after_s"), [(0, 60), (0.001, 60), (1, 59), (59.5, 1), (119.999, 1)])
def test_a_quota_asks_to_wait_until_the_next_minute(at_s: float, retry_after_s: int):
    refusal = fate_of(Quota(tpm=1), at_s=at_s).trouble
    assert isinstance(refusal, Refusal)
    assert refusal.retry_after_s == retry_after_s


def test_what_another_fault_refused_is_not_counted_by_a_quota():
    faults = [TargetedFault(Outage(), "*", until_s=10), TargetedFault(Quota(rpm=1), "*")]
    place = Conditions("a", STEADY, enumerate(faults), seed=1)
    assert [place.fate(t, 1, 1).trouble is None for t in (0, 1, 10, 11)] == [False, False, True, False]


def paces(place: Conditions) -> list[float]:
    return [place.fate(0, 10, 10).first_token_s for _ in range(50)]


def test_the_same_seed_gives_the_same_fates():
    def fates(seed: int) -> list[Fate]:
        place = conditions(RateLimit(), Slow(2), seed=seed, profile=Profile(), probability=0.5)
        return [place.fate(n, 10, 10) for n in range(100)]

    assert fates(7) == fates(7)
    assert fates(7) != fates(8)


def test_faults_never_change_the_pace_of_the_attempts_that_follow():
    healthy = paces(conditions(profile=Profile()))
    assert paces(conditions(Outage(), RateLimit(), profile=Profile(), probability=0.4)) == healthy
    assert paces(conditions(Timeout(), profile=Profile())) == healthy


def test_one_more_fault_leaves_the_draws_of_the_others_alone():
    def struck(*faults: Fault) -> list[bool]:
        place = conditions(*faults, probability=0.5)
        return [place.fate(0, 10, 10, is_stream=True).breaks_at is not None for _ in range(200)]

    assert struck(StreamCut()) == struck(StreamCut(), ServerError())


def test_deployments_draw_apart_from_each_other():
    alone = paces(conditions(name="a", profile=Profile()))
    a, b = conditions(name="a", profile=Profile()), conditions(name="b", profile=Profile())
    interleaved = [(a.fate(0, 10, 10).first_token_s, b.fate(0, 10, 10).first_token_s) for _ in range(50)]
    assert [first for first, _ in interleaved] == alone
    assert [second for _, second in interleaved] != alone
