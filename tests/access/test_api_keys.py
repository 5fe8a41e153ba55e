"""`/api/v1/llm/keys`."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from access import actions
from access.keys import MASTER, verify
from access.models import ApiKey
from tests.conftest import api_of
from tests.factories import make_team

pytestmark = pytest.mark.django_db
URL = "/api/v1/llm/keys"


def issued(owner, name="ci", **fields) -> ApiKey:
    return actions.issue_key(by=MASTER, owner=owner, name=name, **fields)[0]


def test_an_issued_key_works_and_is_shown_once(as_alice, bob):
    team = make_team("red", members=[bob])
    limits = {"scopes": ["call"], "allowed_models": ["a"], "rpm": 5, "tpm": 1000}
    answer = as_alice.post(URL, {"name": "ci", "owner": "bob", "team": "RED", **limits})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    holder, row = verify(body["key"]), ApiKey.objects.get(pk=body["id"])
    assert (holder.name, holder.team, holder.rpm) == ("bob", "red", 5)
    expected = {**limits, "owner": "bob", "owner_id": bob.pk, "team": "red", "team_id": str(team.id)}
    assert body.items() >= {**expected, "status": "usable", "expires_at": None, "last_used_at": None}.items()
    seen = as_alice.get(URL).content + as_alice.get(f"{URL}/{row.id}").content
    assert row.hint.split("…")[1].encode() in seen
    assert not [secret for secret in (body["key"], row.hash) if secret.encode() in seen]


def test_a_key_of_ones_own_needs_a_name_only(as_charlie, charlie):
    answer = as_charlie.post(URL, {"name": "mine"})
    assert (answer.status_code, answer.json()["owner"]) == (201, "charlie")
    assert answer.json()["scopes"] == ["call", "read", "write"]


def test_the_master_key_says_whose_key_it_is(as_nobody, settings):
    settings.MASTER_KEY = "sk-rc-master-of-this-test"
    as_nobody.credentials(HTTP_AUTHORIZATION=f"Bearer {settings.MASTER_KEY}")
    answer = as_nobody.post(URL, {"name": "a"})
    assert (answer.status_code, list(answer.json())) == (400, ["owner"])


def test_a_key_is_changed_and_ended(as_charlie, charlie):
    row = issued(charlie, rpm=5)
    url = f"{URL}/{row.id}"
    tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
    changed = as_charlie.patch(url, {"name": "b", "rpm": None, "expiresAt": tomorrow}).json()
    assert (changed["name"], changed["rpm"], changed["expires_at"] is None) == ("b", None, False)
    assert as_charlie.delete(url).json()["status"] == "revoked"
    assert as_charlie.delete(url).status_code == 200
    assert as_charlie.patch(url, {"name": "c"}).status_code == 409


def test_a_rotation_answers_with_the_new_key_and_the_old_one_names_it(as_charlie, charlie):
    row = issued(charlie)
    answer = as_charlie.post(f"{URL}/{row.id}/rotate", {"overlap_hours": 1})
    assert answer.status_code == 201, answer.content
    assert verify(answer.json()["key"]) is not None
    old = as_charlie.get(f"{URL}/{row.id}").json()
    assert (old["successor_id"], old["status"]) == (answer.json()["id"], "usable")
    assert as_charlie.post(f"{URL}/{row.id}/rotate").status_code == 409


def test_admins_see_all_keys_managers_their_teams_and_others_their_own(alice, bob, charlie, dora):
    team = make_team("red", managers=[bob], members=[alice])
    issued(alice, "team", team=team)
    issued(alice, "private")

    def seen(user):
        return [key["name"] for key in api_of(user).get(URL, {"size": 200}).json()["keys"]]

    assert (seen(charlie), seen(bob)) == (["test"], ["test", "team"])
    assert sorted(seen(alice)) == ["private", "team", "test", "test", "test"]
    assert api_of(dora).get(URL).status_code == 403


def test_the_list_is_filtered_in_a_fixed_number_of_queries(as_alice, bob, django_assert_num_queries):
    team = make_team("red", members=[bob])
    issued(bob, "one", team=team)
    actions.revoke_key(by=MASTER, key=issued(bob, "two"))
    filters = ({"q": "TWO"}, {"owner": "bob", "status": "revoked"}, {"team": "red"}, {"team": str(team.id)})
    for query, names in zip(filters, (["two"], ["two"], ["one"], ["one"]), strict=True):
        with django_assert_num_queries(4):  # two for the key, a page, its total
            page = as_alice.get(URL, query).json()
        assert ([key["name"] for key in page["keys"]], page["total"]) == (names, 1)


BAD = {
    "no name": ({}, "name"),
    "name of 1 MB": ({"name": "x" * 1_000_000}, "name"),
    "nobody": ({"name": "a", "owner": "nobody"}, "owner"),
    "not in the team": ({"name": "a", "owner": "bob", "team": "red"}, "owner"),
    "no such team": ({"name": "a", "team": "blue"}, "team"),
    "no scope": ({"name": "a", "scopes": []}, "scopes"),
    "unknown scope": ({"name": "a", "scopes": ["root"]}, "scopes"),
    "scopes a word": ({"name": "a", "scopes": "call"}, "scopes"),
    "models a word": ({"name": "a", "allowed_models": "gpt"}, "allowed_models"),
    "models of numbers": ({"name": "a", "allowed_models": [{}]}, "allowed_models"),
    "too many models": ({"name": "a", "allowed_models": ["a"] * 501}, "allowed_models"),
    "rpm 0": ({"name": "a", "rpm": 0}, "rpm"),
    "tpm huge": ({"name": "a", "tpm": 10**30}, "tpm"),
    "in the past": ({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    "before time": ({"name": "a", "expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
    "no time": ({"name": "a", "expires_at": "tomorrow"}, "expires_at"),
    "a typo": ({"name": "a", "scope": ["call"]}, "scope"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD)
def test_a_bad_key_is_refused_by_the_name_of_the_field(as_alice, bob, body, field):
    make_team("red")
    answer = as_alice.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize("hours", [-1, 2161, "soon", "NaN", 10**30])
def test_a_bad_overlap_is_refused(as_charlie, charlie, hours):
    answer = as_charlie.post(f"{URL}/{issued(charlie).id}/rotate", {"overlap_hours": hours})
    assert (answer.status_code, list(answer.json())) == (400, ["overlap_hours"])


def test_keys_of_others_are_not_there_and_nobody_issues_for_others(as_charlie, bob):
    row = issued(bob)
    for url in (f"{URL}/{row.id}", f"{URL}/{uuid4()}", f"{URL}/first"):
        assert as_charlie.get(url).status_code == 404
        assert as_charlie.patch(url, {"name": "a"}).status_code == 404
        assert as_charlie.delete(url).status_code == 404
        assert as_charlie.post(f"{url}/rotate").status_code == 404
    answer = as_charlie.post(URL, {"name": "a", "owner": "bob"})
    assert (answer.status_code, "role admin" in answer.json()["detail"]) == (403, True)


def test_strangers_and_the_unknown_have_no_keys(as_dora, as_nobody):
    assert [client.post(URL, {"name": "a"}).status_code for client in (as_dora, as_nobody)] == [403, 401]


def test_wrong_methods_are_405(as_alice, alice):
    url = f"{URL}/{issued(alice).id}"
    assert as_alice.put(URL, {}).status_code == 405
    assert as_alice.put(url, {}).status_code == 405
    assert as_alice.get(f"{url}/rotate").status_code == 405
