"""What the audit log keeps of people, teams and keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from auditlog.models import LogEntry

from access import actions
from access.models import Role
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str, dict]]:
    return [(e.object_repr, e.additional_data["by"], e.changes) for e in LogEntry.objects.order_by("pk")]


def test_a_teams_life_is_kept_with_names_that_outlive_it(alice, bob):
    team = actions.create_team(by=alice, name="red")
    actions.add_member(by=alice, team=team, user=bob)
    actions.change_team(by=alice, team=team, name="red")
    actions.delete_team(by=alice, team=team)
    assert told() == [
        ("red", "alice", {"name": ["", "red"]}),
        ("bob in red", "alice", {"team": ["", "red"], "user": ["", "bob"], "role": ["", "member"]}),
        ("red", "alice", {"name": ["red", ""]}),
    ]


def test_a_change_of_rights_is_kept(alice):
    erin = make_user("erin", Role.VIEWER)
    actions.set_role(by=alice, user=erin, role=Role.ADMIN)
    actions.set_active(by=alice, user=erin, is_active=False)
    actions.set_limits(by=alice, user=erin, rpm=5, tpm=None)
    changes = [{"role": ["viewer", "admin"]}, {"is_active": ["True", "False"]}, {"rpm": ["", "5"]}]
    assert told() == [("erin", "alice", change) for change in changes]


def test_of_a_key_everything_is_kept_but_the_key(alice, bob):
    team = make_team("red", members=[bob])
    row, key = actions.issue_key(by=alice, owner=bob, name="ci", team=team, rpm=5)
    actions.change_key(by=alice, key=row, rpm=None)
    _, new = actions.rotate_key(by=alice, key=row, overlap=timedelta(hours=1))
    actions.revoke_key(by=alice, key=row)
    kept = str(list(LogEntry.objects.values()))
    assert "'rpm': ['5', '']" in kept
    assert LogEntry.objects.count() == 5
    assert not [secret for secret in (key, new, row.hash) if secret in kept]
