"""API keys: who may issue, change, rotate and revoke them; nobody gives more rights than they have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from access import actions
from access.keys import MASTER, all_holders, hash_key, verify
from access.models import Account, ApiKey, KeyStatus, Membership, Role
from lib.exceptions import Conflict, NotAllowed
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def holder_with(owner, **fields):
    """A holder of a new key of this person."""
    return verify(actions.issue_key(by=MASTER, owner=owner, name="acting", **fields)[1])


def test_a_holder_knows_what_its_key_is_limited_to(alice, bob):
    team, account = make_team("red", members=[bob]), Account.objects.create(user=bob)
    limits: dict[str, Any] = {"scopes": ["read", "call", "call"], "allowed_models": ["a", "b", "a"], "rpm": 3, "tpm": 4}
    row, key = actions.issue_key(by=alice, owner=bob, name="ci", **limits)
    holder = verify(key)
    assert (row.scopes, row.allowed_models) == (["call", "read"], ["a", "b"])
    assert holder.scopes == {"call", "read"}
    assert holder.allowed_models == {"a", "b"}
    assert (holder.rpm, holder.tpm, holder.key_name, holder.user_id) == (3, 4, "ci", bob.pk)
    assert (holder.account_id, holder.team_id) == (account.pk, "")
    assert holder.team_ids == {str(team.id)}


def test_a_personal_key_sees_all_teams_of_its_owner_and_a_teams_key_its_team(alice, bob, django_assert_num_queries):
    red, blue = make_team("red", members=[bob]), make_team("blue", members=[bob])
    account = Account.objects.create(team=red)
    _, personal = actions.issue_key(by=alice, owner=bob, name="a")
    _, of_red = actions.issue_key(by=alice, owner=bob, name="b", team=red)
    with django_assert_num_queries(2):
        holders = all_holders()
    assert holders[hash_key(personal)].team_ids == {str(red.id), str(blue.id)}
    assert holders[hash_key(of_red)].team_ids == {str(red.id)}
    assert (holders[hash_key(of_red)].account_id, holders[hash_key(of_red)].team) == (account.pk, "red")
    Membership.objects.filter(team=blue).delete()
    with django_assert_num_queries(2):
        assert verify(personal).team_ids == {str(red.id)}


def test_viewers_have_keys_of_their_own_and_strangers_none(charlie, dora):
    row, _ = actions.issue_key(by=charlie, owner=charlie, name="mine")
    successor, _ = actions.rotate_key(by=charlie, key=row, overlap=HOUR)
    assert actions.revoke_key(by=charlie, key=successor).status == KeyStatus.REVOKED
    with pytest.raises(NotAllowed, match="role viewer"):
        actions.issue_key(by=dora, owner=dora, name="mine")


def test_the_key_of_a_team_belongs_to_one_of_its_members(alice, bob):
    with pytest.raises(ValidationError, match="bob is not in the team red"):
        actions.issue_key(by=alice, owner=bob, name="a", team=make_team("red"))


def test_a_member_issues_no_keys_of_the_team(bob):
    with pytest.raises(NotAllowed, match="one of its managers"):
        actions.issue_key(by=bob, owner=bob, name="a", team=make_team(members=[bob]))


def test_a_manager_gives_others_keys_that_call_and_never_their_rights(alice, charlie):
    """The owner may be an admin: with more than `call`, the manager would hold a key to the whole console."""
    team = make_team(managers=[charlie], members=[alice])
    row, _ = actions.issue_key(by=charlie, owner=alice, name="a", team=team, scopes=["call"])
    full, _ = actions.issue_key(by=alice, owner=alice, name="b", team=team)
    for act in (
        lambda: actions.issue_key(by=charlie, owner=alice, name="c", team=team),
        lambda: actions.change_key(by=charlie, key=row, scopes=["call", "write"]),
        lambda: actions.rotate_key(by=charlie, key=full, overlap=HOUR),
    ):
        with pytest.raises(NotAllowed, match="with the rights of alice"):
            act()
    actions.rotate_key(by=charlie, key=row, overlap=HOUR)
    assert actions.change_key(by=charlie, key=full, rpm=5).rpm == 5


def test_limits_of_a_teams_key_are_the_managers_and_ending_it_is_the_owners_too(alice, bob):
    team = make_team(members=[bob])
    row, _ = actions.issue_key(by=alice, owner=bob, name="a", team=team, rpm=5)
    with pytest.raises(NotAllowed, match="an admin or a manager of the team"):
        actions.change_key(by=bob, key=row, rpm=500)
    successor, _ = actions.rotate_key(by=bob, key=row, overlap=HOUR)
    assert successor.rpm == 5
    actions.revoke_key(by=bob, key=successor)


def test_keys_of_others_are_left_alone(bob, charlie):
    row, _ = actions.issue_key(by=bob, owner=bob, name="a")
    for act in (
        lambda: actions.change_key(by=charlie, key=row, name="b"),
        lambda: actions.rotate_key(by=charlie, key=row, overlap=HOUR),
        lambda: actions.revoke_key(by=charlie, key=row),
    ):
        with pytest.raises(NotAllowed, match="you need to be"):
            act()


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"scopes": ["write"]}, "scope call, read"),
        ({"allowed_models": ["cheap"]}, "models that are not on its own list"),
        ({"expires_at": timezone.now() + DAY}, "it expires at"),
    ],
)
@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_a_key_that_acts_gives_no_more_than_it_has(limits, why, role):
    owner = make_user(role=role)
    other, _ = actions.issue_key(by=MASTER, owner=owner, name="other")
    holder = holder_with(owner, **limits)
    own = ApiKey.objects.get(pk=holder.key_id)
    actions.issue_key(by=holder, owner=owner, name="less", **limits)
    wider: dict[str, Any] = {"scopes": ["call", "read", "write"], "allowed_models": [], "expires_at": None}
    for act in (
        lambda: actions.issue_key(by=holder, owner=owner, name="more"),
        lambda: actions.rotate_key(by=holder, key=other, overlap=HOUR),
        lambda: actions.change_key(by=holder, key=own, **wider),
    ):
        with pytest.raises(NotAllowed, match=why):
            act()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes"),
        ({"allowed_models": [""]}, "allowed_models"),
        ({"allowed_models": [str(n) for n in range(501)]}, "allowed_models"),
        ({"rpm": 0}, "rpm"),
        ({"tpm": -1}, "tpm"),
        ({"expires_at": timezone.now() - DAY}, "expires_at"),
    ],
)
def test_what_makes_no_sense_is_named_and_changes_nothing(bob, fields, field):
    row, _ = actions.issue_key(by=bob, owner=bob, name="a")
    with pytest.raises(ValidationError) as refused:
        actions.issue_key(by=bob, owner=bob, **{"name": "b", **fields})
    assert list(refused.value.message_dict) == [field]
    with pytest.raises(ValidationError):
        actions.change_key(by=bob, key=row, **fields)
    assert ApiKey.objects.values_list("name", "scopes", "rpm").get() == ("a", ["call", "read", "write"], None)


def test_a_rotated_key_opens_until_the_overlap_is_over_and_hands_down_all_it_had(alice, bob):
    limits: dict[str, Any] = {
        "scopes": ["call"],
        "allowed_models": ["a"],
        "rpm": 3,
        "tpm": 4,
        "expires_at": timezone.now() + 9 * DAY,
    }
    row, old = actions.issue_key(by=alice, owner=bob, name="ci", **limits)
    successor, new = actions.rotate_key(by=bob, key=row, overlap=HOUR)
    row = ApiKey.objects.get(pk=row.pk)
    assert row.successor == successor
    assert timedelta(minutes=59) < row.expires_at - timezone.now() <= HOUR
    assert {name: getattr(successor, name) for name in limits} == limits
    assert verify(old) is not None
    third, _ = actions.rotate_key(by=bob, key=successor, overlap=HOUR)
    assert verify(new).key_ids == {str(row.id), str(successor.id)}
    assert third.predecessor_ids == [str(row.id), str(successor.id)]


def test_without_an_overlap_the_old_key_ends_at_once(bob):
    row, old = actions.issue_key(by=bob, owner=bob, name="a")
    _, new = actions.rotate_key(by=bob, key=row, overlap=timedelta(0))
    assert verify(old) is None
    assert verify(new) is not None


def test_a_rotation_never_lets_a_key_live_longer(bob):
    soon = timezone.now() + HOUR
    row, _ = actions.issue_key(by=bob, owner=bob, name="a", expires_at=soon)
    actions.rotate_key(by=bob, key=row, overlap=DAY)
    assert ApiKey.objects.get(pk=row.pk).expires_at == soon


@pytest.mark.parametrize("overlap", [-HOUR, timedelta(days=91)])
def test_an_overlap_that_makes_no_sense_is_refused(bob, overlap):
    row, _ = actions.issue_key(by=bob, owner=bob, name="a")
    with pytest.raises(ValidationError, match="0 to 90 days"):
        actions.rotate_key(by=bob, key=row, overlap=overlap)


def test_a_key_that_ended_is_neither_rotated_nor_changed(alice, bob):
    rotated, revoked, expired = (actions.issue_key(by=bob, owner=bob, name="a")[0] for _ in range(3))
    actions.rotate_key(by=bob, key=ApiKey.objects.get(pk=rotated.pk), overlap=DAY)
    actions.revoke_key(by=bob, key=ApiKey.objects.get(pk=revoked.pk))
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    for key, why in ((rotated, "rotated already"), (revoked, "was revoked"), (expired, "has expired")):
        with pytest.raises(Conflict, match=why):
            actions.rotate_key(by=bob, key=key, overlap=HOUR)
    for key in (rotated, revoked):
        with pytest.raises(Conflict, match="stays as it is"):
            actions.change_key(by=bob, key=key, name="b")
    assert actions.change_key(by=bob, key=expired, expires_at=None).status == KeyStatus.USABLE


def test_status_means_the_same_for_one_and_for_many(bob, charlie):
    yesterday, fields = timezone.now() - DAY, {"name": "a", "hint": "sk-rc-…"}
    make = ApiKey.objects.create
    make(owner=bob, hash="1", **fields)
    make(owner=bob, hash="2", expires_at=yesterday, **fields)
    make(owner=bob, hash="3", expires_at=yesterday, revoked_at=yesterday, **fields)
    make(owner=make_user(is_active=False), hash="4", **fields)
    for status, hashes in (("usable", "1"), ("expired", "2"), ("revoked", "3"), ("inactive", "4")):
        found = ApiKey.objects.matching(status=status)
        assert [(key.hash, key.status) for key in found] == [(hashes, status)]
