"""A person's own page."""

from __future__ import annotations

import pytest

from access.actions import issue_key
from access.keys import COMMAND_LINE
from tests.factories import make_team
from tests.page import html_of

pytestmark = pytest.mark.django_db


def test_it_says_who_one_is_and_what_is_theirs(client, bob):
    make_team("Research", managers=[bob])
    issue_key(by=COMMAND_LINE, owner=bob, name="my script")
    client.force_login(bob)
    html = html_of(client.get("/account"))
    for text in ("bob", "Operator", "Research", "Manager", "my script", "Power level", "Magic Unicorn", "Your credits"):
        assert text in html, text


def test_a_level_is_chosen_there_and_one_comes_back(client, charlie):
    client.force_login(charlie)
    assert client.post("/power-level", {"level": "eco", "next": "/account"}).url == "/account"
    assert 'value="eco" aria-pressed="true"' in html_of(client.get("/account"))


def test_a_theme_is_chosen_there_without_javascript(client, charlie):
    """As in the header and in the menu."""
    client.force_login(charlie)
    assert client.post("/theme", {"theme": "light", "next": "/account"}).url == "/account"
    assert html_of(client.get("/account")).count('value="light" aria-pressed="true"') == 3


def test_a_stranger_sees_it_too_and_what_to_ask_for(client, dora):
    make_team("Research", members=[dora])
    client.force_login(dora)
    html = html_of(client.get("/account"))
    assert "You have no role yet" in html
    assert "Research" in html
    assert "/keys/new" not in html


def test_nobody_signs_in_first_and_nothing_is_posted(client, charlie):
    assert client.get("/account").status_code == 302
    client.force_login(charlie)
    assert client.post("/account").status_code == 405


def test_many_keys_and_teams_cost_the_same_few_queries(client, bob, django_assert_max_num_queries):
    for number in range(12):
        issue_key(by=COMMAND_LINE, owner=bob, name=f"k{number}", team=make_team(members=[bob]))
    client.force_login(bob)
    with django_assert_max_num_queries(11):
        html = html_of(client.get("/account"))
    assert html.count('class="key-line"') == 8
