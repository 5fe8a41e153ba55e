"""A period of the past through a group: which numbers come out, and that they are the same each time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

import pytest

from engine.history.incidents import Incident
from engine.history.jobs import CourseJob, HistoryJob
from engine.history.rehearsing import Course, rehearse
from engine.history.results import Courses, answer_of, history_of
from engine.rehearsal.recording import Stopped
from engine.rehearsal.worker import run_course
from engine.spec import FallbackPolicy, Router
from tests.engine.history.periods import WEEK, group_of, period

SMALL: dict[str, Any] = {"hours": 24, "requests_per_hour": 30}
DOWN = Incident("openai-api", datetime(2024, 12, 9, 6, tzinfo=UTC), datetime(2024, 12, 9, 12, tzinfo=UTC), "critical")
BOTH = (DOWN, replace(DOWN, service="anthropic-api", start=datetime(2024, 12, 9, 10, tzinfo=UTC)))


def test_a_group_is_as_available_as_its_providers_together():
    result = history_of(period(incidents=BOTH, **SMALL))
    assert result["requests"] == 24 * 30
    assert result["alone"]["OpenAI"] == pytest.approx(18 / 24, abs=0.01)
    assert result["alone"]["Anthropic"] == pytest.approx(22 / 24, abs=0.01)
    assert result["availability"] == pytest.approx(22 / 24, abs=0.01)


def test_the_worst_hours_say_what_was_down():
    (worst,) = history_of(period(incidents=BOTH, **SMALL))["worst"]
    assert (worst["from"], worst["until"]) == ("2024-12-09T10:00Z", "2024-12-09T12:00Z")
    assert worst["down"] == ["anthropic-api", "openai-api"]
    assert worst["lost"] == 60


def test_a_provider_of_which_nothing_is_known_never_fails():
    result = history_of(period(group_of("OpenAI", "Mine"), incidents=BOTH, **SMALL))
    assert result["alone"]["Mine"] == result["availability"] == 1


def test_with_one_provider_the_group_is_that_provider():
    result = history_of(period(group_of("OpenAI"), incidents=BOTH, **SMALL))
    assert result["alone"] == {"OpenAI": result["availability"]}


def test_a_fallback_group_counts_like_a_tier():
    main = replace(group_of("OpenAI"), fallback=FallbackPolicy(groups=("spare",)))
    result = history_of(period(main, group_of("Anthropic", name="spare"), incidents=(DOWN,), **SMALL))
    assert result["availability"] == 1
    assert result["alone"]["OpenAI"] < 0.8


def test_a_group_that_litellm_routes_is_rehearsed_by_our_core():
    spec = replace(group_of("OpenAI"), router=Router.LITELLM)
    assert history_of(period(spec, incidents=(DOWN,), **SMALL))["availability"] < 0.8


def test_weeks_add_up_to_the_period():
    result = history_of(
        period(incidents=BOTH, starts=datetime(2024, 12, 8, tzinfo=UTC), hours=48, requests_per_hour=30)
    )
    assert [week["starts"] for week in result["weeks"]] == ["2024-12-08T00:00Z", "2024-12-09T00:00Z"]
    assert result["weeks"][0]["availability"] == 1
    assert sum(week["requests"] for week in result["weeks"]) == result["requests"]
    assert sum(week["lost"] for week in result["weeks"]) == result["lost"]


def test_the_message_to_a_worker_is_the_job():
    job = period(incidents=BOTH, seeds=2, **SMALL)
    again = HistoryJob.from_json(json.loads(json.dumps(job.to_json())))
    assert again == job
    assert history_of(again) == history_of(job)


def test_courses_from_workers_make_the_answer_of_one_process_seed_by_seed():
    job = period(incidents=BOTH, seeds=2, **SMALL)
    courses = {names: [elsewhere(job, names, seed) for seed in job.seed_numbers] for names in job.subjects}
    assert answer_of(job, courses) == history_of(job)
    first = {names: found[:1] for names, found in courses.items()}
    assert answer_of(job, first) == history_of(replace(job, seeds=1))


def elsewhere(job: HistoryJob, names: tuple[str, ...], seed: int) -> Course:
    """The course as a worker would send it, with how far it says it is."""
    message = json.loads(json.dumps(CourseJob(job, names, seed).to_json()))
    said: list[dict[str, Any]] = []
    run_course(CourseJob.from_json(message), emit=said.append, should_stop=lambda: False)
    *progress, last = said
    shares = [one["share"] for one in progress]
    assert shares == sorted(set(shares))
    assert (shares[-1], last["type"]) == (1.0, "done")
    return Course.from_json(json.loads(json.dumps(last["result"])))


def test_ranges_come_from_the_seeds():
    partly = (replace(DOWN, impact="major"), replace(BOTH[1], impact="major"))
    result = history_of(period(incidents=partly, seeds=3, **SMALL))
    low, middle, high = result["ranges"]["availability"]
    assert low <= middle <= high
    assert low < high
    assert result["seeds"] == [1, 2, 3]


def test_a_period_without_requests_lost_has_no_worst_hours():
    result = history_of(period(incidents=(), **SMALL))
    assert (result["availability"], result["lost"], result["worst"]) == (1, 0, [])


def test_a_rehearsal_that_nobody_waits_for_is_stopped():
    with pytest.raises(Stopped):
        history_of(period(incidents=BOTH, **SMALL), should_stop=lambda: True)


@pytest.mark.slow
def test_a_week_computed_in_full_is_the_interpolated_one():
    """The week in which both providers were down at once."""
    job = period(starts=WEEK, requests_per_hour=120)
    interpolated, full = _lost(job), _lost(replace(job, is_whole=True))
    assert interpolated > 100
    assert abs(interpolated - full) / (job.hours * job.requests_per_hour) < 0.001


def _lost(job: HistoryJob) -> float:
    """The mean of three seeds: with one, chance decides too much of what many lose in bad hours."""
    return fmean(Courses(job, [rehearse(job, job.providers, seed) for seed in (1, 2, 3)]).lost(range(job.hours)))
