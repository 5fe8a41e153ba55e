"""A status page's JSON -> incidents: what is read, and what is said of the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.exceptions import BadInput
from engine.history.page_reader import MOST_BYTES, read_status_page, word_of
from tests.providers.status_pages.statuspage import incident, page

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def test_an_incident_counts_for_the_page_and_for_each_of_its_components():
    two = incident(components=[{"name": "Chat API"}, {"name": "Embeddings · EU"}, {"name": "Chat API"}])
    report = read_status_page(page(two), now=NOW)
    assert report.name == "acme-ai"
    assert report.services == ("acme-ai", "acme-ai-chat-api", "acme-ai-embeddings-eu")
    (whole, *_) = report.incidents
    told = whole.incident
    assert (told.impact, told.start, told.end) == (
        "major",
        datetime(2024, 12, 1, 10, tzinfo=UTC),
        datetime(2024, 12, 1, 12, tzinfo=UTC),
    )


def test_a_name_that_is_given_is_that_of_the_service():
    assert read_status_page(page(incident()), now=NOW, name="Mine").services == ("mine", "mine-chat-api")


def test_the_moment_in_which_an_incident_began_counts_before_that_in_which_it_was_written_down():
    report = read_status_page(page(incident(started_at="2024-12-01T09:30:00+01:00")), now=NOW)
    assert report.incidents[0].incident.start == datetime(2024, 12, 1, 8, 30, tzinfo=UTC)


def test_an_incident_without_an_end_is_open_unless_it_is_over():
    open_one = incident(1, resolved_at=None, status="monitoring")
    closed = incident(2, resolved_at=None, status="postmortem")
    report = read_status_page(page(open_one, closed), now=NOW)
    ends = {one.external_id: one.incident.end for one in report.incidents}
    assert ends == {"id1": None, "id2": datetime(2024, 12, 2, 12, tzinfo=UTC)}


def test_overlapping_incidents_are_counted():
    long, within, after = incident(1, resolved_at="2024-12-05T00:00Z"), incident(2), incident(6)
    assert read_status_page(page(after, within, long), now=NOW).overlapping == 1
    assert read_status_page(page(incident(1), incident(2)), now=NOW).overlapping == 0


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"created_at": "2025-06-01T00:00Z"}, "future"),
        ({"resolved_at": "2025-06-01T00:00Z"}, "future"),
        ({"resolved_at": "2024-11-01T00:00Z"}, "ends before it begins"),
        ({"resolved_at": None, "updated_at": None}, "nothing says since when"),
        ({"created_at": None}, "created_at: This is needed"),
        ({"created_at": "yesterday"}, "2024-12-11T23:17Z"),
        ({"created_at": 17}, "2024-12-11T23:17Z"),
        ({"impact": "awful"}, "impact: Give one of none"),
        ({"impact": ["major"]}, "impact: Give one of none"),
        ({"components": "all"}, "components"),
        ({"components": [{}] * 201}, "at most 200"),
        ({"id": None}, "number 2"),
        ({"id": "x" * 65}, "number 2"),
    ],
)
def test_what_can_not_be_read_is_told_and_the_rest_is_read(wrong, why):
    report = read_status_page(page(incident(1), incident(2, **wrong), incident(3)), now=NOW)
    assert {one.external_id for one in report.incidents} == {"id1", "id3"}
    (unread,) = report.unread
    assert why in f"{unread.incident}: {unread.why}"


def test_an_incident_that_is_no_object_is_told_by_its_number():
    (unread,) = read_status_page(page("oops"), now=NOW).unread
    assert (unread.incident, unread.why) == ("number 1", "This is no object.")


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        ("<html>", "content", "not JSON"),
        ("[]", "content", "incidents.json"),
        ('{"incidents": 3}', "content", "incidents.json"),
        ("[" * 100_000, "content", "not JSON"),
        (b"\xff\xfe", "content", "not JSON"),
        (b" " * (MOST_BYTES + 1), "content", "larger than 5 MB"),
        ('{"incidents": []}', "name", "Give one"),
        ('{"page": {"name": "\\u4f60"}, "incidents": []}', "name", "Give one"),
    ],
)
def test_what_is_no_status_page_is_refused_with_the_shape_that_is_wanted(content, field, words):
    with pytest.raises(BadInput) as refused:
        read_status_page(content, now=NOW)
    assert refused.value.field == field
    assert words in refused.value.message


def test_names_become_words():
    assert word_of("  Acme AI · API (EU) ") == "acme-ai-api-eu"
    assert len(word_of("x" * 500)) == 64
    assert word_of(None) == ""
