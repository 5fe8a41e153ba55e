"""The cooldown board as a page."""

from __future__ import annotations

import pytest

from tests.page import HTMX, html_of
from tests.usage.cooling import cooling as make_cooling
from usage.models import CooldownRecord

pytestmark = pytest.mark.django_db
URL = "/providers/cooldowns"


@pytest.fixture
def cooling(db) -> CooldownRecord:
    return make_cooling()


def end_of(row: CooldownRecord) -> str:
    return f"{URL}/{row.breaker}/end"


def test_it_says_who_why_and_how_long(client, charlie, cooling):
    client.force_login(charlie)
    html = html_of(client.get(URL))
    for text in ("Llama", "Nebius", "chat", "2×429", "Slow down", "Cooling down"):
        assert text in html, text
    assert end_of(cooling) not in html
    assert html_of(client.get(URL, headers=HTMX)).strip().startswith('<div id="cooldowns"')


def test_an_operator_ends_one(client, bob, cooling):
    client.force_login(bob)
    assert end_of(cooling) in html_of(client.get(URL))
    html = html_of(client.post(end_of(cooling), {"next": URL}, follow=True))
    assert "It is back in service." in html
    assert "Nothing cools down" in html
    assert "over already" in html_of(client.post(end_of(cooling), {"next": URL}, follow=True))


@pytest.mark.parametrize("person", ["charlie", "dora"])
def test_others_may_not(client, request, person, cooling):
    client.force_login(request.getfixturevalue(person))
    assert client.post(end_of(cooling)).status_code == 403
    assert CooldownRecord.objects.exists()


def test_an_end_is_not_got(client, bob, cooling):
    client.force_login(bob)
    assert client.get(end_of(cooling)).status_code == 405


def test_few_queries(client, bob, cooling, django_assert_num_queries):
    client.force_login(bob)
    with django_assert_num_queries(4):
        client.get(URL)
