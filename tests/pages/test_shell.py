"""What frames every page: the sidebar and the theme."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from access.models import Role, Theme
from pages.shell import ENTRIES, shell
from tests.factories import make_group, make_user
from tests.page import html_of, signed_in
from usage.models import Alert, AlertKind

pytestmark = pytest.mark.django_db
reader = signed_in("charlie")


def current(client, address: str) -> list[str]:
    return [line.title for line in client.get(address).context["sidebar"] if line.is_current]


def tabs(client, address: str) -> dict[str, bool]:
    return {tab.title: tab.is_current for tab in client.get(address).context["sidebar_entry"].tabs}


def test_the_sidebar_has_seven_entries_and_every_tab_leads_somewhere(client, alice):
    client.force_login(alice)
    assert [entry.title for entry in ENTRIES] == [
        *("Overview", "Groups", "Smart routing", "Providers", "Traffic", "Alerts", "Access"),
    ]
    for tab in (tab for entry in ENTRIES for tab in entry.tabs):
        assert client.get(reverse(tab.url_name)).status_code == 200, tab
        assert tabs(client, reverse(tab.url_name))[tab.title], tab


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if len(entry.tabs) > 1], ids=lambda entry: entry.title)
def test_each_page_of_an_entry_shows_the_ways_to_the_others(client, alice, entry):
    client.force_login(alice)
    for tab in entry.tabs:
        html = html_of(client.get(reverse(tab.url_name)))
        assert f'<nav class="tabs" aria-label="{entry.title}">' in html, tab
        assert all(f'href="{reverse(other.url_name)}"' in html for other in entry.tabs), tab


def test_nobody_is_shown_a_tab_that_is_closed_to_them(client):
    for role in Role:
        client.force_login(make_user(f"p-{role}", role))
        lines = client.get("/account").context["sidebar"]
        for url in [line.url for line in lines] + [tab.url for line in lines for tab in line.tabs]:
            assert client.get(url).status_code == 200, (role, url)


def test_without_a_role_there_are_the_own_requests_and_the_own_usage(client, dora):
    client.force_login(dora)
    assert [line.title for line in client.get("/account").context["sidebar"]] == ["Traffic"]
    assert list(tabs(client, "/requests")) == ["Requests", "Your usage"]


def test_people_and_their_own_keys_are_for_admins(reader):
    assert list(tabs(reader, "/keys")) == ["API keys", "Teams", "Credits"]


def test_the_entry_and_the_tab_of_this_page_are_marked(reader):
    group = make_group()
    assert current(reader, "/groups") == ["Groups"]
    assert current(reader, f"/groups/{group.pk}") == ["Groups"]
    assert current(reader, "/search") == []
    assert [title for title, here in tabs(reader, "/models/news").items() if here] == ["Price updates"]
    assert current(reader, "/routing-rules") == ["Smart routing"]


def test_a_run_belongs_to_the_groups(rf, charlie):
    request = rf.get("/runs/7d1f")
    request.user = charlie
    assert [line.title for line in shell(request)["sidebar"] if line.is_current] == ["Groups"]


def test_a_request_that_failed_before_it_had_a_person_has_a_shell(rf):
    assert [line.title for line in shell(rf.get("/"))["sidebar"]] == ["Traffic"]


def test_only_alerts_has_a_count_and_only_while_some_are_open(reader):
    assert "nav-count" not in html_of(reader.get("/groups"))
    alert = Alert.objects.create(kind=AlertKind.COST_SPIKE, subject="", message="Dear.", raised_at=timezone.now())
    html = html_of(reader.get("/groups"))
    assert html.count("nav-count") == 1
    assert '1<span class="unseen"> open</span>' in html
    Alert.objects.filter(pk=alert.pk).update(resolved_at=timezone.now())
    assert "nav-count" not in html_of(reader.get("/groups"))


def test_the_menu_of_a_person_has_their_account_theme_reference_and_sign_out(reader):
    html = html_of(reader.get("/groups"))
    menu = html[html.index('id="user-menu"') : html.index('<div class="page">')]
    for part in ('href="/account"', 'value="unicorn"', 'href="/api/docs"', 'action="/sign-out"', "charlie", "Viewer"):
        assert part in menu, part
    assert "/admin/" not in menu


def test_the_menu_of_staff_leads_to_the_read_only_admin(client):
    client.force_login(make_user("root", Role.ADMIN, is_staff=True))
    assert 'href="/admin/"' in html_of(client.get("/account"))


@pytest.mark.parametrize("theme", Theme.values)
def test_a_theme_is_remembered_by_the_browser_and_follows_the_person(client, reader, charlie, theme):
    reader.post("/theme", {"theme": theme, "next": "/groups"})
    assert f'data-theme="{theme}"' in html_of(reader.get("/groups"))
    client.cookies.clear()
    client.force_login(charlie)
    assert f'data-theme="{theme}"' in html_of(client.get("/groups"))
    assert html_of(client.get("/groups")).count(f'value="{theme}" aria-pressed="true"') == 2  # header and menu


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
