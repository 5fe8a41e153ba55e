"""Marks above the request log, and filters that people save under a name."""

from __future__ import annotations

import pytest
from django.db import connection
from django.http import QueryDict

from pages.traffic.request_rows import rows_of
from tests.page import HTMX, html_of, signed_in
from tests.usage.logged import logged, tried
from usage.models import SavedFilter
from usage.request_log import saved_filters
from usage.request_log.filter import RequestFilterForm
from usage.request_log.log_search import matching

pytestmark = pytest.mark.django_db
URL = "/requests"
NEW = f"{URL}/filters/new"
SKIP = {"deployment_name": "primary", "provider": "Nebius", "tier": 1, "reason": "cooling", "message": "It cools."}
reader = signed_in("charlie")


def saved(reader, name: str = "Outages", query: str = "outcome=failed&group=chat") -> SavedFilter:
    assert reader.post(f"{NEW}?{query}", {"name": name, "next": f"{URL}?{query}"}).status_code == 302
    return SavedFilter.objects.latest("pk")


def test_a_row_has_all_marks_of_its_request(reader):
    record = logged("a1", fell_back=True, rescued=True, skipped=[SKIP, SKIP], has_skips=True, attempts=[tried()])
    assert rows_of([record])[0].marks == ["fell back", "rescued", "2 skipped"]
    html = html_of(reader.get(URL))
    for mark in ("fell back", "rescued", "2 skipped"):
        assert f'<span class="tag">{mark}</span>' in html


def test_a_mark_is_a_link_that_keeps_the_other_filters_and_is_switched_off_by_the_same(reader):
    links = reader.get(f"{URL}?group=chat&rescued=true").context["marks"]
    assert [(link.word, link.is_on, link.query) for link in links] == [
        ("Fell back", False, "group=chat&rescued=true&fell_back=true"),
        ("Rescued", True, "group=chat"),
        ("Skipped", False, "group=chat&rescued=true&skipped=true"),
    ]


@pytest.mark.parametrize("mark", ["fell_back", "rescued", "skipped"])
def test_the_index_of_a_mark_finds_its_requests(mark):
    form = RequestFilterForm(QueryDict(f"{mark}=true"))
    assert form.is_valid()
    plan = matching(form.wanted())[:51].explain()
    name = {"fell_back": "request_fell_back_by_time", "rescued": "request_rescued_by_time"}.get(mark)
    assert connection.vendor != "sqlite" or (name or "request_skips_by_time") in plan


def test_a_person_saves_a_filter_finds_it_above_the_log_and_renames_and_deletes_it(reader):
    one = saved(reader)
    html = html_of(answer := reader.get(f"{URL}?outcome=failed&group=chat"))
    assert [(link.saved, link.is_on) for link in answer.context["saved"]] == [(one, True)]
    assert f'href="{URL}?outcome=failed&amp;group=chat"' in html
    assert "Save this filter" not in html
    assert reader.post(f"{URL}/filters/{one.pk}", {"name": "Losses"}).status_code == 302
    assert "Losses" in html_of(reader.get(URL))
    assert "Delete this filter?" in html_of(reader.get(f"{URL}/filters/{one.pk}/delete"))
    assert reader.post(f"{URL}/filters/{one.pk}/delete").url == f"{URL}?outcome=failed&group=chat"
    assert not SavedFilter.objects.exists()


def test_without_a_filter_there_is_nothing_to_save(reader):
    assert "Save this filter" not in html_of(reader.get(URL))
    answer = reader.get(NEW, follow=True)
    assert "Choose a filter first" in html_of(answer)
    assert reader.post(f"{NEW}?outcome=nonsense", {"name": "x"}).url == URL
    assert not SavedFilter.objects.exists()


def test_the_place_in_the_log_and_unknown_parameters_are_not_saved(reader):
    one = saved(reader, query="outcome=failed&before=1.a&x=y")
    assert one.query == "outcome=failed"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_name_is_used_once_and_a_refused_one_can_be_mended(reader, headers):
    saved(reader)
    answer = reader.post(f"{NEW}?outcome=left", {"name": "Outages"}, headers=headers)
    assert answer.status_code == 422
    assert saved_filters.TAKEN in html_of(answer)
    other = saved(reader, name="Left", query="outcome=left")
    answer = reader.post(f"{URL}/filters/{other.pk}", {"name": "Outages"}, headers=headers)
    assert answer.status_code == 422
    assert reader.post(f"{NEW}?outcome=left", {"name": " "}, headers=headers).status_code == 422


def test_nobody_sees_or_changes_the_filters_of_somebody_else(reader, client, alice):
    one = saved(reader)
    client.force_login(alice)
    assert client.get(URL).context["saved"] == []
    for method, path in (("get", ""), ("post", ""), ("get", "/delete"), ("post", "/delete")):
        assert getattr(client, method)(f"{URL}/filters/{one.pk}{path}", {"name": "x"}).status_code == 404
    assert saved(client).person == alice


def test_a_person_keeps_a_row_of_filters_not_any_number(reader, monkeypatch):
    monkeypatch.setattr(saved_filters, "MOST_SAVED", 1)
    saved(reader)
    answer = reader.post(f"{NEW}?outcome=left", {"name": "Second"})
    assert answer.status_code == 422
    assert "Delete one first" in html_of(answer)


def test_a_call_id_is_copied_whole_from_the_log_and_from_its_page(reader):
    logged("abcdef0123456789")
    for page in (URL, f"{URL}/abcdef0123456789"):
        assert 'data-copies="abcdef0123456789"' in html_of(reader.get(page))


def test_marks_leave_the_other_filters_folded(reader):
    marks = "skipped=true&rescued=true&fell_back=true"
    assert not reader.get(f"{URL}?{marks}").context["form"].has_more
    for query in (f"{marks}&key=ci", "fell_back=false", "skipped=nonsense"):
        assert reader.get(f"{URL}?{query}").context["form"].has_more, query


def test_an_answer_in_one_piece_is_not_told_as_none(reader):
    logged("a1")
    assert "no answer came" not in html_of(reader.get(f"{URL}/a1"))
    logged("b1", status=503)
    assert "no answer came" in html_of(reader.get(f"{URL}/b1"))
