"""Teams and members: the effects of changes on keys, credits and assignments."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from access import actions
from access.keys import verify
from access.lists import teams_managed_by
from access.models import Account, ApiKey, Membership, Role, Team, TeamRole, User
from groups.models import RoutingGroup
from lib.exceptions import Conflict, NotAllowed
from providers import config_version
from tests.factories import make_group, make_team, make_user

pytestmark = pytest.mark.django_db


def test_a_team_is_made_and_changed_and_its_name_is_taken_once(alice):
    team = actions.create_team(by=alice, name=" Red ", description="The reds")
    actions.create_team(by=alice, name="Blue")
    actions.change_team(by=alice, team=team, description="Those in red")
    assert (team.name, team.description, team.created_by) == ("Red", "Those in red", "alice")
    with pytest.raises(ValidationError, match="A team of this name exists"):
        actions.change_team(by=alice, team=team, name="BLUE")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65])
def test_a_team_needs_a_printable_name(alice, name):
    with pytest.raises(ValidationError, match="name"):
        actions.create_team(by=alice, name=name)


def test_a_person_is_in_a_team_once(alice, bob):
    team = make_team(members=[bob])
    with pytest.raises(ValidationError, match="is in the team"):
        actions.add_member(by=alice, team=team, user=bob)


def test_managers_choose_the_members_of_their_team_and_of_no_other(bob, charlie):
    mine, other = make_team(managers=[charlie]), make_team(members=[charlie, bob])
    membership = actions.add_member(by=charlie, team=mine, user=bob)
    assert actions.change_member(by=charlie, membership=membership, role=TeamRole.MANAGER).role == "manager"
    actions.remove_member(by=charlie, membership=membership)
    for act in (
        lambda: actions.add_member(by=charlie, team=other, user=make_user()),
        lambda: actions.change_member(by=charlie, membership=other.memberships.first(), role=TeamRole.MANAGER),
        lambda: actions.remove_member(by=charlie, membership=other.memberships.first()),
    ):
        with pytest.raises(NotAllowed, match="one of its managers, or an admin"):
            act()


@pytest.mark.parametrize("lost", [{"role": Role.STRANGER}, {"is_active": False}])
def test_a_manager_who_lost_the_role_or_was_deactivated_manages_nothing(bob, charlie, lost):
    team = make_team(managers=[charlie])
    key, _ = actions.issue_key(by=charlie, owner=charlie, name="ci", team=team)
    assert list(teams_managed_by(charlie)) == [team]
    for name, value in lost.items():
        setattr(charlie, name, value)
    assert not teams_managed_by(charlie).exists()
    for act in (
        lambda: actions.add_member(by=charlie, team=team, user=bob),
        lambda: actions.issue_key(by=charlie, owner=charlie, name="ci", team=team, scopes=["call"]),
        lambda: actions.revoke_key(by=charlie, key=key),
    ):
        with pytest.raises(NotAllowed):
            act()


@pytest.mark.parametrize("lost", [{"role": Role.STRANGER}, {"is_active": False}])
def test_both_doors_are_closed_to_such_a_manager(client, charlie, as_charlie, lost):
    team = make_team(managers=[charlie])
    client.force_login(charlie)
    User.objects.filter(pk=charlie.pk).update(**lost)
    for method, path, body in (
        ("get", "keys", None),
        ("post", "keys", {"name": "ci", "team": team.name}),
        ("post", f"teams/{team.pk}/members", {"user": "charlie"}),
    ):
        assert getattr(as_charlie, method)(f"/api/v1/llm/{path}", body).status_code in (401, 403), path
    for address in ("/keys", "/keys/new", f"/teams/{team.pk}"):
        answer = client.get(address)
        assert answer.status_code == 403 or answer.url.startswith("/sign-in"), address


def test_a_member_who_leaves_a_team_loses_its_keys_and_keeps_personal_ones(alice, bob, charlie):
    team = make_team(members=[bob, charlie])
    _, of_team = actions.issue_key(by=alice, owner=bob, name="a", team=team)
    _, of_other = actions.issue_key(by=alice, owner=charlie, name="b", team=team)
    _, personal = actions.issue_key(by=bob, owner=bob, name="c")
    actions.remove_member(by=alice, membership=Membership.objects.get(team=team, user=bob))
    assert verify(of_team) is None
    assert verify(of_other) is not None
    assert verify(personal).team_ids == frozenset()


def test_a_deleted_team_ends_its_keys_and_opens_its_groups_to_nobody(alice, bob):
    team = make_team(members=[bob])
    row, key = actions.issue_key(by=alice, owner=bob, name="ci", team=team)
    group = make_group(assigned_team_ids=[str(team.id)])
    before = config_version.current()
    actions.delete_team(by=alice, team=team)
    assert verify(key) is None
    kept = ApiKey.objects.get(pk=row.pk)
    assert (kept.name, kept.status, kept.team) == ("ci", "revoked", None)
    assert RoutingGroup.objects.get(pk=group.pk).assigned_team_ids
    assert config_version.current() > before


@pytest.mark.parametrize(
    ("money", "why"),
    [
        ({"balance_nanousd": 1_500_000_000}, "balance of 1.5 USD"),
        ({"balance_nanousd": -1}, "balance of -0.000000001 USD"),
        ({"held_nanousd": 1}, "still running"),
    ],
)
def test_a_team_with_credits_is_not_deleted(alice, money, why):
    team = make_team("red")
    Account.objects.create(team=team, **money)
    with pytest.raises(Conflict, match=why):
        actions.delete_team(by=alice, team=team)
    Account.objects.update(balance_nanousd=0, held_nanousd=0)
    actions.delete_team(by=alice, team=team)
    assert not Team.objects.exists()
