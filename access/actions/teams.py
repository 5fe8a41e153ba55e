"""Teams and their members.

Deleting a team revokes its keys; groups that were assigned to the team stay closed to others.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict, Unpack

import structlog
from django.db.transaction import atomic

from access import history
from access.actions.keys import end_keys
from access.models import NANO, Account, Actor, Membership, Role, Team, TeamRole, User
from access.rules import check_manage_team, check_role, check_set_limits
from lib.exceptions import Conflict
from providers import config_version

log = structlog.get_logger(__name__)


class TeamFields(TypedDict, total=False):
    """The fields of a team that may be changed. `rpm` and `tpm` are for all its keys together, None is no limit."""

    name: str
    description: str
    rpm: int | None
    tpm: int | None


@atomic
def create_team(*, by: Actor, name: str, description: str = "", rpm: int | None = None, tpm: int | None = None) -> Team:
    """People who share groups, keys and a budget; raises ValidationError for a name that is taken."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="create teams")
    team = Team(name=name.strip(), description=description.strip(), rpm=rpm, tpm=tpm, created_by=by.name)
    team.full_clean()
    team.save()
    history.record(history.CREATED, team, by=by)
    log.info("team created", team=team.name, by=by.name)
    return team


@atomic
def change_team(*, by: Actor, team: Team, **changes: Unpack[TeamFields]) -> Team:
    """Changes only the given fields."""
    config_version.bump()
    check_role(by, Role.ADMIN, to="change teams")
    team.refresh_from_db()
    check_set_limits(by, team, rpm=changes.get("rpm", team.rpm), tpm=changes.get("tpm", team.tpm))
    before = history.snapshot_of(team)
    for field, value in changes.items():
        setattr(team, field, value.strip() if isinstance(value, str) else value)
    team.full_clean()
    team.save(update_fields=[*changes])
    history.record(history.CHANGED, team, by=by, before=before)
    log.info("team changed", team=team.name, by=by.name)
    return team


@atomic
def delete_team(*, by: Actor, team: Team) -> None:
    """Ends a team and its keys; raises Conflict while it has credits.

    Routing groups keep the team's id in their assignments: a group that only this team could use stays closed to
    everybody else.
    """
    config_version.bump()
    check_role(by, Role.ADMIN, to="delete teams")
    team.refresh_from_db()
    _check_account_is_empty(team)
    end_keys(team.api_keys.all(), by=by)
    team.api_keys.update(team=None)
    history.record(history.DELETED, team, by=by, before=history.snapshot_of(team))
    team.delete()
    log.info("team deleted", team=team.name, by=by.name)


def _check_account_is_empty(team: Team) -> None:
    account = Account.objects.select_for_update().filter(team=team).first()
    if account is not None and account.held_nanousd:
        raise Conflict(f"Requests of the team {team} are still running. Try again when they have ended.")
    if account is not None and account.balance_nanousd:
        usd = Decimal(account.balance_nanousd) / NANO
        raise Conflict(f"The team {team} has a balance of {usd:f} USD. Correct it to 0 first, then delete the team.")


@atomic
def add_member(*, by: Actor, team: Team, user: User, role: TeamRole = TeamRole.MEMBER) -> Membership:
    """Takes a person into a team; raises ValidationError for a person who is a member already."""
    config_version.bump()
    check_manage_team(by, team, to=f"add people to the team {team}")
    membership = Membership(team=team, user=user, role=role)
    membership.full_clean()
    membership.save()
    history.record(history.CREATED, membership, by=by)
    log.info("member added", team=team.name, user=user.username, role=role.value, by=by.name)
    return membership


@atomic
def change_member(*, by: Actor, membership: Membership, role: TeamRole) -> Membership:
    """Makes a member a manager of the team, or a manager a member."""
    config_version.bump()
    membership.refresh_from_db()
    check_manage_team(by, membership.team, to=f"change roles in the team {membership.team}")
    before = history.snapshot_of(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    history.record(history.CHANGED, membership, by=by, before=before)
    log.info("member changed", team=membership.team.name, user=membership.user.username, role=role.value, by=by.name)
    return membership


@atomic
def remove_member(*, by: Actor, membership: Membership) -> None:
    """Takes a person out of a team, and ends their keys of this team. Their personal keys stay."""
    config_version.bump()
    membership.refresh_from_db()
    team, user = membership.team, membership.user
    check_manage_team(by, team, to=f"remove people from the team {team}")
    end_keys(team.api_keys.filter(owner=user), by=by)
    history.record(history.DELETED, membership, by=by, before=history.snapshot_of(membership))
    membership.delete()
    log.info("member removed", team=team.name, user=user.username, by=by.name)
