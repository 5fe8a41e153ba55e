"""Shares of failing requests over time, and the hours that they make worth a simulation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.history.hours import HOUR_S, struck_hours, week_starts, windows
from engine.history.incidents import Incident, shares_of
from engine.history.stretches import Stretch, stretches_of

STARTS = datetime(2024, 1, 1, tzinfo=UTC)
ENDS = STARTS + timedelta(days=1)


def incident(start_h: float, end_h: float | None, impact: str) -> Incident:
    end = None if end_h is None else STARTS + timedelta(hours=end_h)
    return Incident("openai-api", STARTS + timedelta(hours=start_h), end, impact)


def stretches(*incidents: Incident) -> list[tuple[float, float, float]]:
    found = stretches_of(incidents, shares_of(None), starts=STARTS, ends=ENDS)
    return [(one.from_s / HOUR_S, one.until_s / HOUR_S, one.share) for one in found]


def test_of_overlapping_incidents_the_highest_share_counts():
    found = stretches(incident(1, 5, "minor"), incident(2, 3, "critical"), incident(2.5, 4, "major"))
    assert found == [(1, 2, 0.1), (2, 3, 1.0), (3, 4, 0.5), (4, 5, 0.1)]


def test_incidents_that_touch_with_the_same_share_are_one():
    assert stretches(incident(1, 2, "major"), incident(2, 3, "major")) == [(1, 3, 0.5)]


def test_an_incident_without_impact_fails_no_request():
    assert stretches(incident(1, 2, "none"), incident(3, 4, "maintenance")) == []


def test_incidents_are_cut_to_the_period_and_open_ones_last_until_its_end():
    assert stretches(incident(-5, 1, "major"), incident(23, None, "minor")) == [(0, 1, 0.5), (23, 24, 0.1)]
    assert stretches(incident(-5, -1, "major"), incident(30, None, "minor")) == []


def test_hours_around_an_incident_are_struck_with_time_to_recover():
    assert struck_hours([Stretch(1.5 * HOUR_S, 1.9 * HOUR_S, 1)], count=24) == {1, 2}
    assert struck_hours([Stretch(23.5 * HOUR_S, 24 * HOUR_S, 1)], count=24) == {23}


def test_windows_end_where_a_week_does():
    assert windows([1, 2, 3, 7, 8], [0, 8]) == [range(1, 4), range(7, 8), range(8, 9)]


def test_weeks_begin_on_mondays_and_where_the_period_does():
    assert week_starts(STARTS, 15 * 24) == [0, 168, 336]
    assert week_starts(datetime(2023, 1, 1, tzinfo=UTC), 9 * 24) == [0, 24, 192]
