"""The pages of the API keys: the list, one of them, how they are issued, rotated and revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from access.actions import issue_key
from access.keys import COMMAND_LINE, hash_key
from access.models import ApiKey, User
from groups.models import RoutingGroup
from tests.factories import make_team, make_user
from tests.page import HTMX, html_of, signed_in

pytestmark = pytest.mark.django_db
SCOPES = ["call", "read", "write"]
admin = signed_in("alice")


def make_key(owner: User, name: str = "ci", **fields) -> ApiKey:
    team = fields.pop("team", None)
    key, _ = issue_key(by=COMMAND_LINE, owner=owner, name=name, team=team)
    ApiKey.objects.filter(pk=key.pk).update(**fields)
    key.refresh_from_db()
    return key


def typed(**changes) -> dict:
    return {"name": "ci", "scopes": SCOPES, "expiry": "90", **changes}


def names(answer) -> list[str]:
    return [line.key.name for line in answer.context["lines"]]


def shown_key(html: str) -> str:
    return html.split('aria-label="The key">')[1].split("<")[0]


def test_a_key_is_shown_once_and_never_again(client, charlie):
    client.force_login(charlie)
    answer = client.post("/keys/new", typed(name="my script"))
    plaintext = shown_key(html_of(answer))
    key = ApiKey.objects.get(hash=hash_key(plaintext))
    assert (key.owner, key.name, key.team) == (charlie, "my script", None)
    assert "no-store" in answer.headers["Cache-Control"]
    for address in ("/keys", f"/keys/{key.pk}", f"/keys/{key.pk}/edit", "/account"):
        html = html_of(client.get(address))
        assert key.hint in html
        assert plaintext not in html
        assert key.hash not in html


def test_an_admin_issues_a_key_of_a_team_with_limits(admin, bob):
    team = make_team("Research", members=[bob])
    fields = typed(owner="bob", team=str(team.pk), scopes=["call"], allowed_models="gpt\n\n gpt \nauto", rpm="60")
    assert admin.post("/keys/new", fields).status_code == 200
    key = ApiKey.objects.get()
    assert (key.owner, key.team, key.scopes, key.allowed_models) == (bob, team, ["call"], ["gpt", "auto"])
    assert (key.rpm, key.tpm) == (60, None)


@pytest.mark.parametrize(
    ("expiry", "day", "until"),
    [("never", "", None), ("date", "2999-12-31", datetime(2999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))],
)
def test_when_it_expires_is_chosen(admin, expiry, day, until):
    admin.post("/keys/new", typed(owner="alice", expiry=expiry, expires_on=day))
    assert ApiKey.objects.get().expires_at == until


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": ""}, "Say what the key is for."),
        ({"scopes": []}, "Tick at least one."),
        ({"expiry": "date"}, "Choose the last day"),
        ({"expiry": "date", "expires_on": "2020-01-01"}, "This day is over."),
        ({"expiry": "date", "expires_on": "soon"}, "valid date"),
        ({"rpm": "0"}, "greater than or equal to 1"),
        ({"owner": "nobody"}, "No active person is called"),
        ({"allowed_models": "x" * 600}, "names that clients send"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(admin, wrong, why):
    answer = admin.post("/keys/new", typed(**{"owner": "alice", "tpm": "777", **wrong}))
    html = html_of(answer)
    assert answer.status_code == 422
    assert why in html
    assert 'value="777"' in html
    assert not ApiKey.objects.exists()


def test_the_owner_of_a_teams_key_is_in_the_team(admin, bob):
    team = make_team("Research")
    answer = admin.post("/keys/new", typed(owner="bob", team=str(team.pk)))
    assert answer.status_code == 422
    assert "bob is not in the team Research" in html_of(answer)


def test_a_viewer_is_asked_for_no_owner_and_a_foreign_owner_is_not_read(client, charlie, bob):
    client.force_login(charlie)
    assert "Owner" not in html_of(client.get("/keys/new"))
    client.post("/keys/new", typed(owner="bob"))
    assert ApiKey.objects.get().owner == charlie


def test_a_manager_issues_keys_that_call_for_members_only(client, bob, charlie):
    team = make_team("Research", managers=[charlie], members=[bob])
    client.force_login(charlie)
    fields = typed(owner="bob", team=str(team.pk))
    refused = client.post("/keys/new", fields)
    assert refused.status_code == 422
    assert "you may give the scope" in html_of(refused)
    assert client.post("/keys/new", {**fields, "scopes": ["call"]}).status_code == 200
    assert html_of(client.get(f"/keys/new?team={team.pk}")).count(f'value="{team.pk}" selected') == 1


def test_each_sees_their_own_managers_their_teams_admins_all(client, alice, bob, charlie):
    team = make_team("Research", managers=[charlie], members=[bob])
    make_key(bob, "private")
    make_key(bob, "of the team", team=team)
    make_key(charlie, "mine")
    for person, seen in ((alice, 3), (bob, 2), (charlie, 2)):
        client.force_login(person)
        assert len(names(client.get("/keys"))) == seen
    private = ApiKey.objects.get(name="private")
    assert client.get(f"/keys/{private.pk}").status_code == 404
    assert client.post(f"/keys/{private.pk}/revoke", {"sure": "1"}).status_code == 404


def test_the_list_is_filtered_by_status_team_owner_and_words(admin, bob, alice):
    team = make_team("Research", members=[bob])
    make_key(bob, "works", team=team)
    make_key(alice, "old", expires_at=timezone.now() - timedelta(days=1))
    make_key(alice, "gone", revoked_at=timezone.now())
    for query, found in (
        ("status=usable", ["works"]),
        ("status=expired", ["old"]),
        ("status=revoked", ["gone"]),
        (f"team={team.pk}", ["works"]),
        ("owner=alice&order=name", ["gone", "old"]),
        ("q=OL", ["old"]),
        ("status=nonsense&team=x&order=y", ["gone", "old", "works"]),
    ):
        assert names(admin.get(f"/keys?{query}")) == found, query
    assert "No key matches" in html_of(admin.get("/keys?q=nothing-like-it", headers=HTMX))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "Active"),
        ({"expires_at": timezone.now() + timedelta(days=2)}, "Expires soon"),
        ({"expires_at": timezone.now() - timedelta(days=2)}, "Expired"),
        ({"revoked_at": timezone.now()}, "Revoked"),
    ],
)
def test_its_page_says_how_it_stands(admin, bob, fields, word):
    key = make_key(bob, **fields)
    html = html_of(admin.get(f"/keys/{key.pk}"))
    assert re.search(rf"</i>\s*{word}\s*</span>", html)
    assert ("Revoke key" in html) == (word != "Revoked")
    assert ("/rotate" in html) == (word in ("Active", "Expires soon"))


def test_a_key_of_somebody_deactivated_says_so(admin, bob):
    key = make_key(bob)
    bob.is_active = False
    bob.save()
    assert "Owner inactive" in html_of(admin.get(f"/keys/{key.pk}"))


def test_it_is_edited_and_its_expiry_stays_unless_another_is_chosen(admin, bob):
    until = timezone.now() + timedelta(days=3)
    key = make_key(bob, expires_at=until)
    fields = typed(name="renamed", scopes=["call"], expiry="keep", allowed_models="auto")
    assert admin.post(f"/keys/{key.pk}/edit", fields).url == f"/keys/{key.pk}"
    key.refresh_from_db()
    assert (key.name, key.scopes, key.allowed_models, key.expires_at) == ("renamed", ["call"], ["auto"], until)
    assert admin.post(f"/keys/{key.pk}/edit", typed(name="")).status_code == 422
    admin.post(f"/keys/{key.pk}/edit", {**fields, "expiry": "never"})
    key.refresh_from_db()
    assert key.expires_at is None


def test_one_that_was_revoked_is_not_edited(admin, bob):
    key = make_key(bob, revoked_at=timezone.now())
    answer = admin.post(f"/keys/{key.pk}/edit", typed(name="again"))
    assert answer.status_code == 422
    assert "revoked" in html_of(answer)


def test_rotating_shows_the_new_key_once_and_the_old_one_goes_on_for_a_while(admin, bob):
    key = make_key(bob)
    html = html_of(admin.post(f"/keys/{key.pk}/rotate", {"overlap_hours": "24"}))
    successor = ApiKey.objects.get(hash=hash_key(shown_key(html)))
    key.refresh_from_db()
    assert (key.successor, key.status) == (successor, "usable")
    assert key.expires_at - timezone.now() < timedelta(hours=24)
    assert "Replaced" in html_of(admin.get(f"/keys/{key.pk}"))
    assert key.hint in html_of(admin.get(f"/keys/{successor.pk}"))
    assert admin.post(f"/keys/{key.pk}/rotate", {"overlap_hours": "24"}).url == f"/keys/{key.pk}"
    assert "was rotated already" in html_of(admin.get(f"/keys/{key.pk}"))


def test_an_overlap_that_is_not_offered_is_refused(admin, bob):
    key = make_key(bob)
    assert admin.post(f"/keys/{key.pk}/rotate", {"overlap_hours": "5000"}).status_code == 422
    assert admin.get(f"/keys/{key.pk}/rotate").status_code == 405


def test_revoking_asks_first(admin, bob):
    key = make_key(bob)
    assert "Revoke ci?" in html_of(admin.post(f"/keys/{key.pk}/revoke"))
    key.refresh_from_db()
    assert key.revoked_at is None
    admin.post(f"/keys/{key.pk}/revoke", {"sure": "1"})
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_an_owner_rotates_a_teams_key_but_does_not_change_it(client, bob):
    key = make_key(bob, team=make_team("Research", members=[bob]))
    client.force_login(bob)
    html = html_of(client.get(f"/keys/{key.pk}"))
    assert "Rotate" in html
    assert f"/keys/{key.pk}/edit" not in html
    answer = client.get(f"/keys/{key.pk}/edit")
    assert answer.status_code == 403
    assert "manager of the team" in html_of(answer)


@pytest.mark.parametrize("address", ["/keys", "/keys/new"])
def test_strangers_are_shut_out_and_nobody_signs_in_first(client, dora, address):
    assert client.get(address).status_code == 302
    client.force_login(dora)
    assert client.get(address).status_code == 403
    assert client.delete(address).status_code == 405


def test_ten_thousand_keys_are_listed_at_once(admin, bob, django_assert_max_num_queries):
    people = [make_user() for _ in range(20)]
    rows = [
        ApiKey(name=f"key {n}", owner=people[n % 20], hash=f"{n:064}", hint=f"sk-rc-…{n:04}") for n in range(10_000)
    ]
    ApiKey.objects.bulk_create(rows, batch_size=500)
    for address in ("/keys", "/keys?page=150&order=used", "/keys?q=key 99&status=usable&order=name"):
        with django_assert_max_num_queries(10):
            assert admin.get(address).status_code == 200


def test_a_key_for_a_group_is_filled_into_the_lines_of_each_client_once(client, charlie):
    group = RoutingGroup.objects.create(name="team-chat", strategy="least-busy", created_by="t", updated_by="t")
    client.force_login(charlie)
    assert f'action="/keys/new?group={group.pk}"' in html_of(client.get(f"/keys/new?group={group.pk}"))
    answer = client.post(f"/keys/new?group={group.pk}", typed(name="my script"))
    html, plaintext = html_of(answer), answer.context["plaintext"]
    assert f"export ANTHROPIC_AUTH_TOKEN={plaintext}" in html
    assert "export ANTHROPIC_MODEL=team-chat" in html
    assert plaintext not in html_of(client.get(f"/groups/{group.pk}/use"))


@pytest.mark.parametrize("group", ["", "x", "$(reboot)", "00000000-0000-4000-8000-000000000000"])
def test_a_key_for_no_group_is_shown_without_them(client, charlie, group):
    client.force_login(charlie)
    html = html_of(client.post(f"/keys/new?{urlencode({'group': group})}", typed(name="my script")))
    assert "Claude Code" not in html
