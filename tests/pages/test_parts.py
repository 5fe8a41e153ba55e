"""What many pages share: what the address asks for, and how a refusal is told."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.test import RequestFactory

from lib.exceptions import Conflict, NotAllowed
from pages.dialogs import refusals_told
from pages.parts import ids_in, page_of, way_back, words_in


def asked(**query):
    return RequestFactory().get("/", query)


@pytest.mark.parametrize(("typed", "meant"), [(" two words ", "two words"), ("\x00", ""), ("x" * 500, "x" * 150)])
def test_the_words_of_a_search_are_trimmed_to_what_a_name_can_hold(typed, meant):
    assert words_in(asked(q=typed)) == meant


def test_what_is_no_id_is_left_out():
    known = uuid4()
    assert ids_in(asked(id=[str(known), "x", str(uuid4())]), most=2) == [known]


@pytest.mark.parametrize(("page", "rows"), [("1", [0, 1]), ("2", [2]), ("99", [2]), ("-1", [2]), ("x", [0, 1])])
def test_a_page_that_there_is_not_becomes_one_that_there_is(page, rows):
    assert list(page_of(asked(page=page), range(3), 2)) == rows


@pytest.mark.parametrize(
    ("sent", "back"), [("/groups?page=2", "/groups?page=2"), ("https://evil.example/", "/people"), ("", "/people")]
)
def test_the_way_back_is_a_page_of_our_own(sent, back):
    assert way_back(RequestFactory().post("/", {"next": sent}), "person-list") == back


def test_a_refusal_becomes_a_message():
    request = asked()
    request._messages = CookieStorage(request)
    with refusals_told(request):
        raise Conflict("It is in use.")
    assert [str(message) for message in get_messages(request)] == ["It is in use."]


def test_a_missing_right_is_raised():
    with pytest.raises(NotAllowed), refusals_told(asked()):
        raise NotAllowed("No.")
