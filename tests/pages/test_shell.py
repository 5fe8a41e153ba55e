"""What frames every page: the sidebar and the theme."""

from __future__ import annotations

import pytest
from django.urls import reverse

from access.models import Theme
from pages.shell import SECTIONS, shell
from tests.factories import make_group
from tests.page import html_of, signed_in

pytestmark = pytest.mark.django_db
reader = signed_in("charlie")


def current(client, address: str) -> list[str]:
    return [line.title for block in client.get(address).context["sidebar"] for line in block.lines if line.is_current]


def test_every_entry_leads_somewhere(client, alice):
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    for entry in (entry for section in SECTIONS for entry in section.entries):
        assert client.get(reverse(entry.url_name)).status_code == 200, entry


def test_without_a_role_every_entry_still_leads_somewhere(client, dora):
    client.force_login(dora)
    blocks = client.get("/account").context["sidebar"]
    lines = [line for block in blocks for line in block.lines]
    assert [line.title for line in lines] == ["Requests", "API docs"]
    assert [client.get(line.url).status_code for line in lines] == [200, 200]


def test_the_entry_of_this_part_is_marked(reader):
    group = make_group()
    assert current(reader, "/groups") == ["Routing Groups"]
    assert current(reader, f"/groups/{group.pk}") == ["Routing Groups"]
    assert current(reader, "/search") == []


@pytest.mark.parametrize("theme", Theme.values)
def test_a_theme_is_remembered_by_the_browser_and_follows_the_person(client, reader, charlie, theme):
    reader.post("/theme", {"theme": theme, "next": "/groups"})
    assert f'data-theme="{theme}"' in html_of(reader.get("/groups"))
    client.cookies.clear()
    client.force_login(charlie)
    assert f'data-theme="{theme}"' in html_of(client.get("/groups"))
    assert f'value="{theme}" aria-pressed="true"' in html_of(client.get("/groups"))


def test_a_theme_that_is_none_is_not_taken(reader, charlie):
    reader.post("/theme", {"theme": "<b>"})
    reader.cookies["theme"] = "<b>"
    assert 'data-theme="dark"' in html_of(reader.get("/groups"))
    charlie.refresh_from_db()
    assert charlie.theme == ""


def test_with_javascript_the_page_stays(reader):
    answer = reader.post("/theme", {"theme": "unicorn"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert reader.cookies["theme"].value == "unicorn"


def test_signed_out_the_browser_remembers(client):
    client.post("/theme", {"theme": "unicorn"})
    assert 'data-theme="unicorn"' in html_of(client.get("/sign-in"))


def test_a_run_belongs_to_the_routing_groups(rf):
    blocks = shell(rf.get("/runs/7d1f"))["sidebar"]
    assert [line.title for block in blocks for line in block.lines if line.is_current] == ["Routing Groups"]
