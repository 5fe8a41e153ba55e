"""`/api/v1/llm/teams` and their members."""

from __future__ import annotations

from uuid import uuid4

import pytest

from access.models import Account, Membership, Team
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/teams"


def url_of(team: Team, rest: str = "") -> str:
    return f"{URL}/{team.id}{rest}"


def test_a_team_is_made_read_changed_and_deleted(as_alice, bob):
    made = as_alice.post(URL, {"name": "red", "description": "The reds"})
    assert made.status_code == 201, made.content
    url = f"{URL}/{made.json()['id']}"
    assert as_alice.patch(url, {"description": ""}).json()["name"] == "red"
    assert as_alice.put(url, {"name": "Red"}).json()["description"] == ""
    as_alice.post(f"{url}/members", {"user": "bob", "role": "manager"})
    team = as_alice.get(url).json()
    member = {"user": "bob", "user_id": bob.pk, "role": "manager"}
    assert (team["name"], team["member_count"], team["key_count"]) == ("Red", 1, 0)
    assert member.items() <= team["members"][0].items()
    assert as_alice.delete(url).json() == {"success": True, "id": team["id"], "deleted": True}
    assert as_alice.get(url).status_code == 404


def test_the_list_is_searched_and_paged(as_charlie, django_assert_num_queries):
    for name in ("red", "blue", "dark red"):
        make_team(name, members=[make_user()])
    with django_assert_num_queries(4):  # two for the key, a page, its total
        page = as_charlie.get(URL, {"q": "RED", "size": 1, "page": 2}).json()
    assert [team["name"] for team in page["teams"]] == ["red"]
    assert (page["total"], page["page"], page["size"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "RED"}, "name"),
        ({"name": ["a"]}, "name"),
        ({"name": "a", "description": "x" * 257}, "description"),
        ({"name": "a", "nmae": 1}, "nmae"),
        ([], "non_field_errors"),
    ],
)
def test_a_bad_team_is_refused_by_the_name_of_the_field(as_alice, body, field):
    make_team("red")
    answer = as_alice.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_a_team_with_credits_is_kept(as_alice):
    team = make_team("red")
    Account.objects.create(team=team, balance_nanousd=1)
    answer = as_alice.delete(url_of(team))
    assert (answer.status_code, "Correct it to 0" in answer.json()["detail"]) == (409, True)


def test_everybody_with_a_role_reads_and_admins_write(as_bob, as_charlie, as_dora, as_nobody):
    team = make_team()
    for client in (as_bob, as_charlie):
        assert client.get(url_of(team)).status_code == 200
        assert client.post(URL, {"name": "a"}).status_code == 403
        assert client.patch(url_of(team), {"name": "a"}).status_code == 403
        assert client.delete(url_of(team)).status_code == 403
        assert client.post(url_of(team, "/members"), {"user": "bob"}).status_code == 403
    assert as_dora.get(URL).status_code == 403
    assert as_nobody.get(URL).status_code == 401


def test_a_manager_adds_changes_and_removes_members(as_charlie, charlie, bob):
    members = url_of(make_team("red", managers=[charlie]), "/members")
    added = as_charlie.post(members, {"user": bob.pk})
    assert (added.status_code, added.json()["user"], added.json()["role"]) == (201, "bob", "member")
    assert as_charlie.patch(f"{members}/bob", {"role": "manager"}).json()["role"] == "manager"
    assert [m["user"] for m in as_charlie.get(members, {"q": "BO"}).json()["members"]] == ["bob"]
    assert as_charlie.delete(f"{members}/{bob.pk}").json() == {"success": True, "user": "bob", "deleted": True}
    assert [m.user for m in Membership.objects.all()] == [charlie]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user"),
        ({"user": "nobody"}, "user"),
        ({"user": 10**30}, "user"),
        ({"user": True}, "user"),
        ({"user": "x" * 100_000}, "user"),
        ({"user": "charlie"}, "user"),
        ({"user": "bob", "role": "boss"}, "role"),
    ],
)
def test_a_bad_member_is_refused(as_alice, bob, charlie, body, field):
    answer = as_alice.post(url_of(make_team(members=[charlie]), "/members"), body)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert len(answer.content) < 400


def test_what_is_not_there_is_404_and_wrong_methods_are_405(as_alice, bob):
    team = make_team()
    for url in (f"{URL}/{uuid4()}", f"{URL}/red", f"{URL}/{uuid4()}/members"):
        assert as_alice.get(url).status_code == 404
    for user in ("bob", "nobody", "%00", "9" * 30):
        assert as_alice.delete(url_of(team, f"/members/{user}")).status_code == 404
    for url in (URL, url_of(team, "/members")):
        assert as_alice.delete(url).status_code == 405
    assert as_alice.get(url_of(team, "/members/bob")).status_code == 405
