"""Incidents: what the table has, and a clear answer to what is wrong with one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.exceptions import BadInput
from engine.history.incidents import Incident, incidents_of, known_incidents, read_incidents, shares_of

NOW = datetime(2025, 1, 1, tzinfo=UTC)
GOOD = {"service": "openai-api", "start": "2024-12-11T23:17Z", "end": "2024-12-12T06:23Z", "impact": "critical"}


def test_the_table_has_two_years_of_two_providers():
    incidents = known_incidents()
    assert len(incidents) == 746
    assert {one.service.partition("-")[0] for one in incidents} == {"openai", "anthropic"}
    assert {one.start.year for one in incidents} == {2023, 2024}
    assert all(one.end is not None and one.end > one.start for one in incidents)


def test_an_incident_of_a_request_is_read_in_utc_and_back():
    (one,) = incidents_of([{**GOOD, "start": "2024-12-12T00:17+01:00"}], now=NOW)
    assert one == Incident(
        "openai-api",
        datetime(2024, 12, 11, 23, 17, tzinfo=UTC),
        datetime(2024, 12, 12, 6, 23, tzinfo=UTC),
        "critical",
    )
    assert incidents_of([one.to_json()], now=NOW) == (one,)


def test_an_incident_without_an_end_is_still_open():
    (one,) = incidents_of([{**GOOD, "end": None}], now=NOW)
    assert one.end is None


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"end": "2024-12-11T23:17Z"}, "incidents[0].end", "after the start"),
        ({"start": "2025-02-01", "end": None}, "incidents[0].start", "in the future"),
        ({"start": "yesterday"}, "incidents[0].start", "2024-12-11T23:17Z"),
        ({"start": 20241211}, "incidents[0].start", "2024-12-11T23:17Z"),
        ({"start": "0001-01-01T00:00+10:00"}, "incidents[0].start", "2024-12-11T23:17Z"),
        ({"impact": "bad"}, "incidents[0].impact", "minor, major, critical"),
        ({"service": None}, "incidents[0].service", "needed"),
        ({"service": ""}, "incidents[0].service", "1 to 256"),
        ({"title": "?"}, "incidents[0].title", "Unknown here"),
    ],
)
def test_an_incident_that_cannot_be_has_a_clear_answer(change, field, words):
    with pytest.raises(BadInput, match=words) as refused:
        incidents_of([{**GOOD, **change}], now=NOW)
    assert refused.value.field == field


def test_a_wrong_line_of_a_file_is_named_by_its_number():
    lines = ["start_utc,end_utc,service,impact", "2024-01-01T00:00Z,,mine,minor", "2024-01-02T00:00Z,,mine,worse"]
    with pytest.raises(BadInput, match="line 3: impact"):
        list(read_incidents(lines, now=NOW))
    with pytest.raises(BadInput, match="line 1: the header must name"):
        list(read_incidents(["start_utc,service"], now=NOW))


def test_shares_of_impacts_can_be_changed_one_by_one():
    assert shares_of({"major": 1})["major"] == 1
    assert shares_of({"major": 1})["minor"] == 0.1
    with pytest.raises(BadInput, match="from 0 to 1"):
        shares_of({"major": 50})
    with pytest.raises(BadInput, match="Unknown"):
        shares_of({"awful": 1})
