"""The page of the people, for admins."""

from __future__ import annotations

import pytest

from access.models import User
from tests.factories import make_team, make_user
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
admin = signed_in("alice")


def test_everybody_is_listed_with_role_and_teams(admin, bob, dora):
    make_team("Research", members=[bob])
    html = html_of(admin.get("/people"))
    for text in ("bob", "Research", "dora", "never"):
        assert text in html, text


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=BO", ["bob"]), ("role=none", ["dora"]), ("role=admin", ["alice"]), ("status=inactive", ["charlie"])],
)
def test_the_list_is_searched_and_filtered(admin, bob, charlie, dora, query, found):
    User.objects.filter(pk=charlie.pk).update(is_active=False)
    assert [person.username for person in admin.get(f"/people?{query}").context["page"]] == found
    assert "Nobody matches" in html_of(admin.get("/people?q=nothing-like-it", headers=HTMX))


def test_somebody_new_gets_a_password_that_is_shown_once_and_opens(admin, client):
    answer = admin.post("/people/new", {"username": "ada", "role": "operator"})
    password = html_of(answer).split('aria-label="The password">')[1].split("<")[0]
    assert "no-store" in answer.headers["Cache-Control"]
    assert password not in html_of(admin.get("/people"))
    client.logout()
    assert client.post("/sign-in", {"username": "ada", "password": password}).url == "/"
    assert User.objects.get(username="ada").role == "operator"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"username": "bob", "role": "viewer"}, "already exists"),
        ({"username": "", "role": "viewer"}, "signs in with"),
        ({"username": "a b", "role": "viewer"}, "valid username"),
        ({"username": "ada", "role": "emperor"}, "emperor is not one"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(admin, bob, typed, why):
    answer = admin.post("/people/new", typed)
    assert answer.status_code == 422
    assert why in html_of(answer)
    assert not User.objects.filter(username="ada").exists()


def test_a_role_is_changed_in_place(admin, bob):
    html = html_of(admin.post(f"/people/{bob.pk}/role", {"role": "viewer"}, headers=HTMX, follow=True))
    bob.refresh_from_db()
    assert bob.role == "viewer"
    assert "bob: viewer." in html
    admin.post(f"/people/{bob.pk}/role", {"role": "emperor"})
    assert "no such role" in html_of(admin.get("/people"))


def test_an_admin_limits_all_keys_of_a_person(admin, bob):
    address = f"/people/{bob.pk}/limits"
    assert address in html_of(admin.get("/people"))
    assert admin.post(address, {"rpm": "60", "tpm": ""}).url == "/people"
    bob.refresh_from_db()
    assert (bob.rpm, bob.tpm) == (60, None)
    assert "60 requests a minute" in html_of(admin.get("/people"))
    assert 'value="60"' in html_of(admin.get(address))
    answer = admin.post(address, {"rpm": "0"})
    assert answer.status_code == 422
    assert "greater than or equal to 1" in html_of(answer)


def test_somebody_is_kept_out_and_let_in_again(admin, bob):
    for value, expected in (("0", False), ("1", True)):
        admin.post(f"/people/{bob.pk}/switch", {"is_active": value, "next": "/people?role=operator"})
        bob.refresh_from_db()
        assert bob.is_active is expected


def test_one_is_not_offered_to_demote_oneself(admin, alice):
    html = html_of(admin.get("/people"))
    assert f"/people/{alice.pk}/role" not in html
    assert f"/people/{alice.pk}/switch" not in html


@pytest.mark.parametrize(("act", "value"), [("role", {"role": "viewer"}), ("switch", {"is_active": "0"})])
def test_the_last_admin_stays_one_and_is_told_what_to_do(admin, alice, act, value):
    html = html_of(admin.post(f"/people/{alice.pk}/{act}", value, headers=HTMX, follow=True))
    assert "alice is the last active admin. Make somebody else an admin first." in html
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == ("admin", True)


@pytest.mark.parametrize("name", ["bob", "charlie", "dora"])
def test_only_admins_manage_people(client, request, name):
    person = request.getfixturevalue(name)
    client.force_login(person)
    assert client.get("/people").status_code == 403
    assert client.post("/people/new", {"username": "ada", "role": "admin"}).status_code == 403
    assert client.post(f"/people/{person.pk}/role", {"role": "admin"}).status_code == 403
    assert client.post(f"/people/{person.pk}/limits", {"rpm": "5"}).status_code == 403
    assert client.get(f"/people/{person.pk}/switch").status_code == 405


def test_many_people_cost_the_same_few_queries(admin, django_assert_max_num_queries):
    team = make_team("Research")
    for _ in range(60):
        team.memberships.create(user=make_user())
    with django_assert_max_num_queries(9):
        assert admin.get("/people").status_code == 200
