"""The list of routing groups."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone

from groups.models import Deployment, RoutingGroup
from providers.presets import PAINTED
from tests.factories import make_group, make_model, make_provider, make_team
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
page = signed_in("charlie")


def shown(client, address: str) -> list[str]:
    return [row.group.name for row in client.get(address).context["rows"]]


def test_a_row_says_name_strategy_providers_status_and_age(page):
    group = make_group(name="prod-chat", strategy="weighted")
    Deployment.objects.create(group=group, model=make_model(provider=make_provider(name="Fireworks")), weight=1)
    RoutingGroup.objects.filter(pk=group.pk).update(created_at=timezone.now() - timedelta(days=3))
    html = html_of(page.get("/groups"))
    assert "prod-chat" in html
    assert "Weighted Round-Robin" in html
    assert "p-fireworks" in html
    assert "Active" in html
    assert "3\xa0days ago" in html


def test_without_a_group_it_says_how_to_make_one(page):
    html = html_of(page.get("/groups"))
    assert "No routing groups yet" in html
    assert "/v1/routing_group" in html


def test_search_and_filters_narrow_the_list(page):
    make_group(name="chat-eu", strategy="weighted")
    make_group(name="chat-us", strategy="least-busy", description="for the Americas", is_active=False)
    assert shown(page, "/groups?q=CHAT-E") == ["chat-eu"]
    assert shown(page, "/groups?q=americas") == ["chat-us"]
    assert shown(page, "/groups?strategy=weighted") == ["chat-eu"]
    assert shown(page, "/groups?status=inactive") == ["chat-us"]
    assert shown(page, "/groups?status=active&strategy=least-busy") == []
    assert "No group matches" in html_of(page.get("/groups?q=zebra"))


@pytest.mark.parametrize(
    "query", ["q=%00", "strategy=magic", "status=maybe", "sort=x", "page=-1", "page=x", "page=99", f"q={'x' * 500}"]
)
def test_nonsense_in_the_address_still_gives_the_list(page, query):
    make_group(name="chat-eu")
    assert shown(page, f"/groups?{query}") == ["chat-eu"]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["a", "b", "c"]),
        ("-name", ["c", "b", "a"]),
        ("strategy", ["b", "a", "c"]),
        ("-deployments", ["b", "c", "a"]),
        ("status", ["c", "a", "b"]),
        ("-created", ["c", "b", "a"]),
    ],
)
def test_every_column_with_an_order_sorts_both_ways(page, sort, names):
    make_group(name="a", strategy="simple-shuffle")
    make_group(name="b", strategy="cost-based-routing", models=[make_model(), make_model()])
    make_group(name="c", strategy="weighted", models=[make_model()], is_active=False)
    assert shown(page, f"/groups?sort={sort}") == names


def test_the_heads_say_the_order_and_offer_the_next(page):
    make_group(name="a")
    html = html_of(page.get("/groups?q=a&sort=created"))
    assert html.count('aria-sort="ascending"') == 1
    assert "?q=a&amp;sort=-created" in html
    assert '<input type="hidden" name="sort" value="created" form="filters">' in html


def test_teams_are_counted_and_nobody_assigned_means_all(page):
    make_group(name="a", assigned_team_ids=["red", str(make_team("Research").pk)])
    make_group(name="b")
    html = html_of(page.get("/groups"))
    assert '<span title="unknown team red, Research">2<span' in html
    assert "Every key may call it" in html


def test_operators_see_controls_and_viewers_see_none(client, bob, charlie):
    group = make_group(name="a")
    client.force_login(bob)
    assert f"/groups/{group.pk}/delete" in html_of(client.get("/groups"))
    client.force_login(charlie)
    html = html_of(client.get("/groups"))
    assert "formaction" not in html
    assert "checkbox" not in html
    assert 'role="switch"' not in html


def test_a_thousand_groups_take_the_same_queries(page, django_assert_max_num_queries):
    models = [make_model() for _ in range(5)]
    RoutingGroup.objects.bulk_create(
        RoutingGroup(name=f"g-{n}", strategy="weighted", created_by="t", updated_by="t") for n in range(1000)
    )
    rows = [Deployment(group=g, model=m, weight=1) for g in RoutingGroup.objects.all() for m in models]
    Deployment.objects.bulk_create(rows)
    for sort in ("name", "-deployments", "-created"):
        with django_assert_max_num_queries(12):
            assert page.get(f"/groups?q=g&sort={sort}").status_code == 200


def test_pages_keep_the_filters(page):
    for number in range(23):
        make_group(name=f"team-{number:02}")
    make_group(name="other")
    first = page.get("/groups?q=team")
    assert len(first.context["rows"]) == 20
    assert "q=team&amp;page=2" in html_of(first)
    assert "q=team&amp;sort=-name&amp;page=2" in html_of(page.get("/groups?q=team&sort=-name"))
    assert shown(page, "/groups?q=team&page=2") == ["team-20", "team-21", "team-22"]


def test_the_number_of_queries_does_not_grow_with_the_groups(page, django_assert_num_queries):
    for number in range(3):
        make_group(name=f"few-{number}", models=[make_model()])
    with django_assert_num_queries(6):
        page.get("/groups")
    for number in range(12):
        make_group(name=f"many-{number}", models=[make_model()])
    with django_assert_num_queries(6):
        page.get("/groups?sort=-deployments")


def test_htmx_gets_the_rows_only(page):
    make_group(name="chat-eu")
    html = html_of(page.get("/groups", headers=HTMX))
    assert html.strip().startswith('<div id="group-rows">')
    assert "<html" not in html


def test_a_page_from_the_history_is_whole(page):
    answer = page.get("/groups", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in html_of(answer)
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize(("person", "status"), [("alice", 200), ("bob", 200), ("charlie", 200), ("dora", 403)])
def test_every_role_may_read_and_a_stranger_may_not(client, request, person, status):
    client.force_login(request.getfixturevalue(person))
    assert client.get("/groups").status_code == status


def test_only_admins_see_the_way_to_the_admin(client, alice, bob):
    client.force_login(bob)
    assert 'href="/admin/"' not in html_of(client.get("/groups"))
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    assert 'href="/admin/"' in html_of(client.get("/groups"))


def test_the_list_itself_takes_no_posts(page):
    assert page.post("/groups").status_code == 405


def test_every_provider_with_a_colour_has_a_logo_and_others_their_initial(page):
    for name in ("Fireworks", "Our own"):
        make_group(models=[make_model(provider=make_provider(name=name))])
    html = html_of(page.get("/groups"))
    assert "vendor/logos/fireworks.svg#logo" in html
    assert re.search(r'aria-hidden="true">\s*O', html)
    assert {colour for colour in PAINTED if not finders.find(f"vendor/logos/{colour}.svg")} == set()
