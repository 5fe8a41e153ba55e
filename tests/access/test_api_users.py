"""`/api/v1/llm/users`."""

from __future__ import annotations

import pytest

from access.models import Role, User
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/users"
ERIN = {"username": "erin", "role": "operator", "password": "a long enough word"}


def test_a_person_is_made_and_the_password_never_returned(as_alice):
    answer = as_alice.post(URL, ERIN)
    assert answer.status_code == 201, answer.content
    erin = User.objects.get(username="erin")
    said = {"username": "erin", "role": "operator", "is_active": True, "teams": [], "rpm": None, "tpm": None}
    assert answer.json() == {"id": erin.pk, **said}
    assert erin.check_password(ERIN["password"])


def test_role_and_whether_somebody_is_let_in_are_changed(as_alice, as_bob, bob):
    changed = as_alice.patch(f"{URL}/bob", {"role": "admin", "is_active": False}).json()
    assert (changed["role"], changed["is_active"]) == ("admin", False)
    assert as_bob.get("/api/v1/llm/teams").status_code == 401
    assert as_alice.patch(f"{URL}/{bob.pk}", {"role": "", "is_active": True}).json()["role"] == ""
    assert as_bob.get("/api/v1/llm/teams").status_code == 403


def test_the_limits_of_a_person_are_set_one_by_one_and_taken_away(as_alice, bob):
    assert as_alice.post(URL, {**ERIN, "rpm": 7}).json()["rpm"] == 7
    assert as_alice.patch(f"{URL}/bob", {"rpm": 5}).json()["rpm"] == 5
    changed = as_alice.patch(f"{URL}/bob", {"tpm": 100}).json()
    assert (changed["rpm"], changed["tpm"]) == (5, 100)
    assert as_alice.patch(f"{URL}/bob", {"rpm": None}).json()["rpm"] is None
    assert as_alice.patch(f"{URL}/bob", {"role": "viewer"}).json()["tpm"] == 100


def test_the_list_tells_teams_and_is_filtered_in_a_fixed_number_of_queries(
    as_alice, bob, charlie, dora, django_assert_num_queries
):
    make_team("red", members=[bob, charlie])
    for query, names in (
        ({"q": "BO"}, ["bob"]),
        ({"role": "none"}, ["dora"]),
        ({"status": "active", "role": "viewer"}, ["charlie"]),
        ({}, ["alice", "bob", "charlie", "dora"]),
    ):
        page = as_alice.get(URL, query).json()
        assert ([person["username"] for person in page["users"]], page["total"]) == (names, len(names))
    with django_assert_num_queries(6):  # two for the key, a page, its memberships and teams, its total
        assert as_alice.get(URL).json()["users"][1]["teams"] == ["red"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "bob"}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"role": "emperor"}, "role"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"is_staff": True}, "is_staff"),
    ],
)
def test_a_bad_person_is_refused_by_the_name_of_the_field(as_alice, bob, change, field):
    answer = as_alice.post(URL, {**ERIN, **change})
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize(
    "change", [{"role": "emperor"}, {"is_active": "maybe"}, {"rpm": 0}, {"username": "b"}, {"password": "b"}]
)
def test_a_bad_change_changes_nothing(as_alice, bob, change):
    assert as_alice.patch(f"{URL}/bob", {"role": "admin", **change}).status_code == 400
    bob.refresh_from_db()
    assert (bob.role, bob.is_active) == ("operator", True)


@pytest.mark.parametrize("change", [{"role": ""}, {"is_active": False}, {"role": "operator", "is_active": True}])
def test_the_last_active_admin_stays_one(as_alice, alice, bob, change):
    make_user("erin", Role.ADMIN, is_active=False)
    answer = as_alice.patch(f"{URL}/alice", change)
    assert (answer.status_code, "Make somebody else an admin first" in answer.json()["detail"]) == (409, True)
    as_alice.patch(f"{URL}/bob", {"role": "admin"})
    assert as_alice.patch(f"{URL}/alice", change).status_code == 200
    assert as_alice.get(URL).status_code in (401, 403)


def test_the_last_admin_may_be_made_what_they_are(as_alice):
    assert as_alice.patch(f"{URL}/alice", {"role": "admin", "is_active": True}).status_code == 200


def test_people_are_for_admins(as_bob, as_charlie, as_dora, as_nobody, bob):
    for client, status in ((as_bob, 403), (as_charlie, 403), (as_dora, 403), (as_nobody, 401)):
        assert client.get(URL).status_code == status
        assert client.get(f"{URL}/bob").status_code == status
        assert client.post(URL, ERIN).status_code == status
        assert client.patch(f"{URL}/bob", {"role": "admin"}).status_code == status


def test_what_is_not_there_is_404_and_wrong_methods_are_405(as_alice):
    for user in ("nobody", "0", "9" * 30, "%00"):
        assert as_alice.get(f"{URL}/{user}").status_code == 404
    assert as_alice.delete(f"{URL}/alice").status_code == 405
    assert as_alice.delete(URL).status_code == 405
