"""The pages of the teams: the list, one of them, its members, its form."""

from __future__ import annotations

import pytest

from access.actions import issue_key
from access.keys import COMMAND_LINE
from access.models import Membership, Team
from tests.factories import make_group, make_team, make_user
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
admin = signed_in("alice")


@pytest.fixture
def manager(client, bob):
    """Bob, who manages the team `Research`."""
    make_team("Research", managers=[bob])
    client.force_login(bob)
    return client


def research() -> Team:
    return Team.objects.get(name="Research")


def test_without_a_team_the_list_says_what_teams_are_for(admin):
    html = html_of(admin.get("/teams"))
    assert "No teams yet" in html
    assert "/teams/new" in html


def test_the_list_counts_members_and_keys_that_work(admin, bob, charlie):
    team = make_team("Research", members=[bob, charlie], description="Reads papers")
    for number in range(3):
        key, _ = issue_key(by=COMMAND_LINE, owner=bob, name=f"k{number}", team=team)
    key.revoked_at = key.created_at
    key.save()
    row = admin.get("/teams").context["page"][0]
    assert (row.member_count, row.key_count) == (2, 2)
    assert "Reads papers" in html_of(admin.get("/teams?q=PAPERS"))


def test_the_list_is_searched_in_place(admin):
    make_team("Research")
    html = html_of(admin.get("/teams?q=nothing-like-it", headers=HTMX))
    assert html.strip().startswith('<div id="team-rows"')
    assert "No team matches" in html


def test_a_team_is_made_renamed_and_keeps_what_was_typed_when_it_is_wrong(admin):
    team_url = admin.post("/teams/new", {"name": "Research", "description": "Reads"}).url
    assert "Reads" in html_of(admin.get(team_url))
    assert admin.post(f"{team_url}/edit", {"name": "Science", "description": ""}).url == team_url
    answer = admin.post("/teams/new", {"name": "science", "description": "kept"})
    assert answer.status_code == 422
    assert "A team of this name exists." in html_of(answer)
    assert 'value="kept"' in html_of(answer)


def test_a_team_is_limited_and_its_page_and_its_keys_say_so(admin, bob):
    team = make_team("Research", members=[bob])
    admin.post(f"/teams/{team.pk}/edit", {"name": "Research", "rpm": "600", "tpm": "9000"})
    key, _ = issue_key(by=COMMAND_LINE, owner=bob, name="ci", team=team)
    for address in (f"/teams/{team.pk}", f"/keys/{key.pk}"):
        assert "600 requests a minute, 9,000 tokens a minute" in html_of(admin.get(address))
    assert 'value="600"' in html_of(admin.get(f"/teams/{team.pk}/edit"))


def test_deleting_asks_and_names_what_is_lost(admin, bob):
    team = make_team("Research", members=[bob])
    key, _ = issue_key(by=COMMAND_LINE, owner=bob, name="ci", team=team)
    question = html_of(admin.post(f"/teams/{team.pk}/delete"))
    assert "1 membership" in question
    assert "1 API key, revoked at once" in question
    assert admin.post(f"/teams/{team.pk}/delete", {"sure": "1"}).url == "/teams"
    key.refresh_from_db()
    assert (Team.objects.count(), key.revoked_at is None) == (0, False)


def test_a_manager_adds_changes_and_removes_members(manager, charlie):
    page = f"/teams/{research().pk}"
    html = html_of(manager.post(f"{page}/members", {"user": "charlie", "role": "member"}, headers=HTMX))
    assert html.strip().startswith('<section class="card" id="team-members"')
    assert "charlie is in the team." in html
    member = Membership.objects.get(user=charlie)
    manager.post(f"{page}/members/{member.pk}/role", {"role": "manager"})
    member.refresh_from_db()
    assert member.role == "manager"
    assert "Take charlie out of Research?" in html_of(manager.post(f"{page}/members/{member.pk}/remove"))
    manager.post(f"{page}/members/{member.pk}/remove", {"sure": "1"})
    assert not Membership.objects.filter(user=charlie).exists()


@pytest.mark.parametrize(
    ("typed", "why"),
    [("nobody", "No active person is called"), ("bob", "This person is in the team."), ("", "Type or pick")],
)
def test_who_can_not_join_is_said_beside_the_field(manager, typed, why):
    answer = manager.post(f"/teams/{research().pk}/members", {"user": typed, "role": "member"})
    assert answer.status_code == 422
    assert why in html_of(answer)
    assert f'value="{typed}"' in html_of(answer) or not typed


def test_a_role_that_there_is_not_changes_nothing(manager, bob):
    member = Membership.objects.get(user=bob)
    manager.post(f"/teams/{research().pk}/members/{member.pk}/role", {"role": "emperor"})
    assert "no such role" in html_of(manager.get(f"/teams/{research().pk}"))


def test_a_member_sees_the_team_but_changes_nothing(client, bob, charlie):
    team = make_team("Research", members=[charlie, bob])
    issue_key(by=COMMAND_LINE, owner=bob, name="of-bob", team=team)
    client.force_login(charlie)
    html = html_of(client.get(f"/teams/{team.pk}"))
    assert "bob" in html
    assert "of-bob" not in html
    assert "Add a person" not in html
    assert client.post(f"/teams/{team.pk}/members", {"user": "bob", "role": "member"}).status_code == 403
    assert client.post(f"/teams/{team.pk}/delete", {"sure": "1"}).status_code == 403


@pytest.mark.parametrize("address", ["/teams", "/teams/new"])
def test_strangers_are_shut_out_and_nobody_signs_in_first(client, dora, address):
    assert client.get(address).status_code == 302
    client.force_login(dora)
    assert client.get(address).status_code == 403
    assert client.delete(address).status_code == 405


def test_its_groups_are_a_part_of_the_page_and_a_page(admin):
    team, other = make_team("Research"), make_team("Other")
    make_group(name="papers", assigned_team_ids=[str(team.pk)])
    make_group(name="both", assigned_team_ids=[str(other.pk), str(team.pk)])
    assert "Groups of Research" in html_of(admin.get(f"/teams/{team.pk}/groups"))
    part = html_of(admin.get(f"/teams/{other.pk}/groups", headers=HTMX))
    assert "both" in part
    assert "papers" not in part
    counts = html_of(admin.get(f"/teams/group-counts?id={team.pk}&id={other.pk}&id=no-id", headers=HTMX))
    assert f'<span id="groups-of-{team.pk}" hx-swap-oob="true">2</span>' in counts
    assert f'<span id="groups-of-{other.pk}" hx-swap-oob="true">1</span>' in counts


def test_many_teams_and_members_cost_the_same_few_queries(admin, django_assert_max_num_queries):
    people = [make_user() for _ in range(30)]
    teams = [make_team(members=people) for _ in range(25)]
    for address in ("/teams", f"/teams/{teams[0].pk}", f"/teams/group-counts?id={teams[0].pk}"):
        with django_assert_max_num_queries(11):
            assert admin.get(address).status_code == 200
