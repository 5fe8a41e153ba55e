"""A key can't raise or give away a limit that applies to it, in any way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access import actions
from access.keys import MASTER, KeyHolder, verify
from access.models import ApiKey, Role, Team, User
from lib.exceptions import NotAllowed
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def acting(owner: User, **fields: Any) -> KeyHolder:
    """A holder of a new key of this person."""
    holder = verify(actions.issue_key(by=MASTER, owner=owner, name="acting", **fields)[1])
    assert holder is not None
    return holder


def row_of(holder: KeyHolder) -> ApiKey:
    return ApiKey.objects.get(pk=holder.key_id)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
@pytest.mark.parametrize("what", ["rpm", "tpm"])
@pytest.mark.parametrize("more", [11, None])
def test_a_key_gives_no_key_a_limit_above_its_own(role, what, more):
    owner = make_user(role=role)
    raised: dict[str, Any] = {what: more}
    few: dict[str, Any] = {what: 5}
    fewer: dict[str, Any] = {what: 4}
    holder = acting(owner, **{what: 10})
    other, _ = actions.issue_key(by=MASTER, owner=owner, name="other", **raised)
    low, _ = actions.issue_key(by=MASTER, owner=owner, name="low", **few)
    for act in (
        lambda: actions.change_key(by=holder, key=row_of(holder), **raised),
        lambda: actions.change_key(by=holder, key=low, **raised),
        lambda: actions.issue_key(by=holder, owner=owner, name="more", **raised),
        lambda: actions.rotate_key(by=holder, key=other, overlap=HOUR),
    ):
        with pytest.raises(NotAllowed, match=f"more than 10 {'requests' if what == 'rpm' else 'tokens'} a minute"):
            act()
    assert getattr(actions.change_key(by=holder, key=row_of(holder), **fewer), what) == 4


def test_what_a_limited_key_gives_counts_with_it(charlie):
    holder = acting(charlie, rpm=10)
    _, child = actions.issue_key(by=holder, owner=charlie, name="child", rpm=10)
    _, grandchild = actions.issue_key(by=verify(child), owner=charlie, name="grandchild", rpm=5)
    other, _ = actions.issue_key(by=MASTER, owner=charlie, name="other", rpm=1)
    raised = actions.change_key(by=holder, key=other, rpm=10)
    windows = {verify(child).window_id, verify(grandchild).window_id, ApiKey.objects.get(pk=raised.pk).window_id}
    assert windows == {holder.window_id}


def test_a_rotated_key_goes_on_in_the_same_minute(charlie):
    holder = acting(charlie, rpm=10)
    child, _ = actions.issue_key(by=holder, owner=charlie, name="child", rpm=10)
    for row in (row_of(holder), child):
        successor, _ = actions.rotate_key(by=holder, key=row, overlap=HOUR)
        assert actions.rotate_key(by=MASTER, key=successor, overlap=HOUR)[0].window_id == holder.window_id


def test_a_key_without_limits_gives_keys_a_minute_of_their_own(charlie):
    row, _ = actions.issue_key(by=acting(charlie), owner=charlie, name="child", rpm=10)
    assert row.window_id == str(row.pk)


def test_a_key_does_not_lead_out_of_the_limits_of_its_team_or_its_owner(alice, bob):
    team = make_team("red", members=[alice, bob], rpm=10)
    with pytest.raises(NotAllowed, match="beyond the limits of its team red"):
        actions.issue_key(by=acting(alice, team=team), owner=alice, name="personal")
    actions.issue_key(by=acting(alice, team=team), owner=alice, name="of the team", team=team)
    Team.objects.update(rpm=None)
    actions.issue_key(by=acting(alice, team=team), owner=alice, name="personal")
    actions.set_limits(by=MASTER, user=alice, rpm=None, tpm=5)
    with pytest.raises(NotAllowed, match="beyond the limits of its owner alice"):
        actions.issue_key(by=acting(alice), owner=bob, name="of somebody else")


@pytest.mark.parametrize(("rpm", "tpm", "is_more"), [(11, 5, True), (None, 5, True), (10, None, True), (9, 5, False)])
def test_an_admins_key_does_not_raise_the_limits_that_it_is_under(alice, bob, rpm, tpm, is_more):
    team = make_team("red", members=[alice], rpm=10, tpm=5)
    holder = acting(alice, team=team)
    User.objects.update(rpm=10, tpm=5)
    for act in (
        lambda: actions.set_limits(by=holder, user=alice, rpm=rpm, tpm=tpm),
        lambda: actions.change_team(by=holder, team=team, rpm=rpm, tpm=tpm),
    ):
        if is_more:
            with pytest.raises(NotAllowed, match="apply to it too"):
                act()
        else:
            act()
    assert actions.set_limits(by=holder, user=bob, rpm=rpm, tpm=tpm).rpm == rpm
    assert actions.set_limits(by=alice, user=alice, rpm=None, tpm=None).rpm is None


def test_limits_of_people_and_teams_are_for_admins(bob, charlie):
    team = make_team("red", managers=[bob])
    for act in (
        lambda: actions.set_limits(by=bob, user=charlie, rpm=1, tpm=None),
        lambda: actions.change_team(by=bob, team=team, rpm=1),
    ):
        with pytest.raises(NotAllowed, match="role admin"):
            act()


def test_a_holder_knows_the_limits_of_its_owner_and_its_team(bob):
    team = make_team("red", members=[bob], rpm=3, tpm=4)
    actions.set_limits(by=MASTER, user=bob, rpm=1, tpm=2)
    personal, of_team = acting(bob), acting(bob, team=team)
    assert (personal.owner_rpm, personal.owner_tpm, personal.team_rpm, personal.team_tpm) == (1, 2, None, None)
    assert (of_team.owner_rpm, of_team.team_rpm, of_team.team_tpm) == (1, 3, 4)
