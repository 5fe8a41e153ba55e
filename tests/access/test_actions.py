"""People and their roles, and what that means for their keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from access import actions
from access.keys import COMMAND_LINE, verify
from access.models import ApiKey, Role
from lib.exceptions import NotAllowed
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def test_a_key_is_shown_once_and_kept_as_a_hash(alice, bob):
    row, key = actions.issue_key(by=alice, owner=bob, name="ci")
    assert key.startswith("sk-rc-")
    assert key not in str(ApiKey.objects.values())
    assert row.hint == f"sk-rc-…{key[-4:]}"
    holder = verify(key)
    assert holder is not None
    assert (holder.name, holder.effective_role) == ("bob", Role.OPERATOR)


def test_a_key_ends_when_revoked_expired_or_its_owner_leaves(alice, bob):
    yesterday = timezone.now() - timedelta(days=1)
    revoked, first = actions.issue_key(by=alice, owner=bob, name="a")
    row, expired = actions.issue_key(by=alice, owner=bob, name="b")
    ApiKey.objects.filter(pk=row.pk).update(expires_at=yesterday)
    _, kept = actions.issue_key(by=alice, owner=bob, name="c")
    actions.revoke_key(by=alice, key=revoked)
    assert (verify(first), verify(expired)) == (None, None)
    assert verify(kept) is not None
    actions.set_active(by=alice, user=bob, is_active=False)
    assert verify(kept) is None


def test_revoking_again_keeps_the_first_time(alice, bob):
    row, _ = actions.issue_key(by=alice, owner=bob, name="a")
    first = actions.revoke_key(by=alice, key=row).revoked_at
    assert actions.revoke_key(by=alice, key=row).revoked_at == first


def test_a_key_follows_the_role_of_its_owner(alice, bob):
    _, key = actions.issue_key(by=alice, owner=bob, name="a")
    actions.set_role(by=alice, user=bob, role=Role.VIEWER)
    holder = verify(key)
    assert holder is not None
    assert holder.effective_role == Role.VIEWER


def test_only_admins_see_the_django_admin(alice, bob):
    assert actions.set_role(by=alice, user=bob, role=Role.ADMIN).is_staff
    assert not actions.set_role(by=alice, user=bob, role=Role.OPERATOR).is_staff


@pytest.mark.parametrize(
    "act",
    [
        lambda by, user: actions.create_user(by=by, username="u", role=Role.ADMIN, password="a long enough word"),
        lambda by, user: actions.set_role(by=by, user=user, role=Role.ADMIN),
        lambda by, user: actions.set_active(by=by, user=user, is_active=False),
        lambda by, user: actions.issue_key(by=by, owner=user, name="a"),
        lambda by, user: actions.revoke_key(by=by, key=actions.issue_key(by=COMMAND_LINE, owner=user, name="a")[0]),
        lambda by, user: actions.create_team(by=by, name="a"),
        lambda by, user: actions.change_team(by=by, team=make_team(), name="a"),
        lambda by, user: actions.delete_team(by=by, team=make_team()),
        lambda by, user: actions.add_member(by=by, team=make_team(), user=user),
    ],
)
def test_it_takes_an_admin(act, bob, charlie, dora):
    for person in (bob, charlie, dora):
        with pytest.raises(NotAllowed, match="admin"):
            act(person, make_user())


@pytest.mark.parametrize(("name", "password"), [("u", "short"), ("u", "password123"), ("", "a long enough word")])
def test_a_user_needs_a_name_and_a_good_password(alice, name, password):
    with pytest.raises(ValidationError):
        actions.create_user(by=alice, username=name, role=Role.VIEWER, password=password)


def test_a_name_is_taken_once(alice):
    with pytest.raises(ValidationError, match="username"):
        actions.create_user(by=alice, username="alice", role=Role.VIEWER, password="a long enough word")
