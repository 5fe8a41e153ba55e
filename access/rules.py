"""May I? The rights of roles, of a team's managers and of keys, in one place; `check_x` raises, `can_x` answers.

Admins may do everything. A manager chooses the members of the team and issues its keys. Viewers and above have keys of
their own. Nobody can give a key more rights than they have themselves: see `check_give`.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet

from access.keys import KeyHolder
from access.models import Actor, ApiKey, ApiKeyQuerySet, Membership, Role, Scope, Team, TeamRole, User
from lib.exceptions import NotAllowed


def is_raised(before: int | None, now: int | None) -> bool:
    """Whether the limit `now` is higher than `before`."""
    return before is not None and (now is None or now > before)


def has_role(actor: Actor, at_least: Role) -> bool:
    """Whether the actor's role includes the other."""
    return actor.effective_role.includes(at_least)


def check_role(actor: Actor, at_least: Role, *, to: str) -> None:
    """Raises NotAllowed, naming the action and the role it needs."""
    if not has_role(actor, at_least):
        has = actor.effective_role or "none"
        raise NotAllowed(f"To {to} you need the role {at_least.value}; {actor.name} has {has}. Ask an admin.")


def can_read(actor: Actor) -> bool:
    """Viewers and above read everything but secrets."""
    return has_role(actor, Role.VIEWER)


def can_operate(actor: Actor) -> bool:
    """Operators and above test, rehearse and edit groups."""
    return has_role(actor, Role.OPERATOR)


def check_scope(actor: Actor, scope: Scope, *, to: str) -> None:
    """Raises NotAllowed for a key without the scope. People who signed in are not limited by scopes."""
    if isinstance(actor, KeyHolder) and scope not in actor.scopes:
        raise NotAllowed(f"To {to} a key needs the scope '{scope.value}', which this one was not given.")


def managerships_of(actor: Actor) -> QuerySet[Membership]:
    """The memberships by which the actor manages teams; none without a role."""
    if actor.user_id is None or not can_read(actor):
        return Membership.objects.none()
    return Membership.objects.filter(user=actor.user_id, role=TeamRole.MANAGER)


def can_manage_team(actor: Actor, team: Team) -> bool:
    """Whether the actor chooses the members of this team and issues its keys."""
    return has_role(actor, Role.ADMIN) or managerships_of(actor).filter(team=team).exists()


def check_manage_team(actor: Actor, team: Team, *, to: str) -> None:
    """Raises NotAllowed, naming the action."""
    if not can_manage_team(actor, team):
        raise NotAllowed(f"To {to} you need to be one of its managers, or an admin; {actor.name} is neither.")


def can_issue_key(actor: Actor, *, owner: User, team: Team | None = None) -> bool:
    """Whether the actor issues keys of this team or, without one, personal keys of this owner."""
    return has_role(actor, Role.ADMIN) or (can_manage_team(actor, team) if team else _is_self(actor, owner.pk))


def check_issue_key(actor: Actor, *, owner: User, team: Team | None = None) -> None:
    """Raises NotAllowed, saying who may."""
    if can_issue_key(actor, owner=owner, team=team):
        return
    if team is not None:
        check_manage_team(actor, team, to=f"issue API keys of the team {team}")
    check_role(actor, Role.VIEWER if owner.pk == actor.user_id else Role.ADMIN, to=f"issue API keys for {owner}")


def can_change_key(actor: Actor, key: ApiKey) -> bool:
    """Whether the actor sets the limits of this key: its owner those of a personal one, a manager those of a team."""
    return can_issue_key(actor, owner=key.owner, team=key.team)


def check_change_key(actor: Actor, key: ApiKey) -> None:
    """Raises NotAllowed, saying who may."""
    if not can_change_key(actor, key):
        who = f"an admin or a manager of the team {key.team}" if key.team else f"an admin or {key.owner}"
        raise NotAllowed(f"To change the key '{key.name}' you need to be {who}.")


def can_end_key(actor: Actor, key: ApiKey) -> bool:
    """Whether the actor rotates and revokes this key: those who may change it, and its owner."""
    return can_change_key(actor, key) or _is_self(actor, key.owner_id)


def check_end_key(actor: Actor, key: ApiKey, *, to: str) -> None:
    """Raises NotAllowed, saying who may."""
    if not can_end_key(actor, key):
        who = f"{key.owner}, a manager of the team {key.team} or an admin" if key.team else f"{key.owner} or an admin"
        raise NotAllowed(f"To {to} the key '{key.name}' you need to be {who}.")


def check_give(actor: Actor, key: ApiKey, *, gained: Collection[str]) -> None:
    """Raises NotAllowed for a key that could do more than its giver.

    `gained` are the scopes it gets. A key has the rights of its owner. Only admins give the rights of another person;
    managers give only the scope `call`, because their members may have more rights than they have. A key cannot give
    more than it has.
    """
    is_others = key.owner_id != actor.user_id and not has_role(actor, Role.ADMIN)
    if is_others and not set(gained) <= {Scope.CALL}:
        raise NotAllowed(f"A key with the rights of {key.owner} is for them to issue; you may give the scope 'call'.")
    if isinstance(actor, KeyHolder) and (excess := _excess(actor, key)):
        raise NotAllowed(f"A key can't give another more than it has: {excess}.")


def check_set_limits(actor: Actor, row: User | Team, *, rpm: int | None, tpm: int | None) -> None:
    """Raises NotAllowed unless an admin sets the limits of a person or a team.

    A key cannot raise limits that apply to itself.
    """
    check_role(actor, Role.ADMIN, to="set limits of people and teams")
    if not isinstance(actor, KeyHolder) or not any(
        is_raised(old, new) for old, new in ((row.rpm, rpm), (row.tpm, tpm))
    ):
        return
    if str(row.pk) == (str(actor.user_id) if isinstance(row, User) else actor.team_id):
        raise NotAllowed(f"A key can't raise the limits of {row}, because they apply to it too. Sign in to do so.")


def visible_keys(actor: Actor) -> ApiKeyQuerySet:
    """The keys that the actor may see: all for admins, the teams' for managers, their own for everybody."""
    if has_role(actor, Role.ADMIN):
        return ApiKey.objects.all()
    return ApiKey.objects.filter(Q(owner=actor.user_id) | Q(team__in=managerships_of(actor).values("team")))


def check_keeps_own_keys(actor: Actor, user: User) -> None:
    """People change only their own keys for providers, even without a role."""
    if actor.user_id != user.pk:
        raise NotAllowed(f"Only {user} may store, change or test keys of their own.")


def check_sees_own_keys(actor: Actor, user_id: int | None) -> None:
    """People see their own; admins see the hints of everybody's and may delete them."""
    if user_id is None or actor.user_id != user_id:
        check_role(actor, Role.ADMIN, to="see or delete the provider keys of others")


def _is_self(actor: Actor, user_id: int) -> bool:
    return can_read(actor) and user_id == actor.user_id


def _excess(giver: KeyHolder, key: ApiKey) -> str:
    """The rights of a key beyond those of its giver, in words."""
    if not set(key.scopes) <= giver.scopes:
        return f"the scope {', '.join(sorted(set(key.scopes) - giver.scopes))}"
    is_wider = not key.allowed_models or not giver.allowed_models.issuperset(key.allowed_models)
    if giver.allowed_models and is_wider:
        return "models that are not on its own list of allowed ones"
    if giver.expires_at and (key.expires_at is None or key.expires_at > giver.expires_at):
        return f"time, because it expires at {giver.expires_at:%Y-%m-%d %H:%M} UTC"
    return _excess_a_minute(giver, key)


def _excess_a_minute(giver: KeyHolder, key: ApiKey) -> str:
    for most, wanted, what in ((giver.rpm, key.rpm, "requests"), (giver.tpm, key.tpm, "tokens")):
        if is_raised(most, wanted):
            return f"more than {most:,} {what} a minute"
    if (giver.team_rpm or giver.team_tpm) and str(key.team_id) != giver.team_id:
        return f"what is beyond the limits of its team {giver.team}"
    if (giver.owner_rpm or giver.owner_tpm) and key.owner_id != giver.user_id:
        return f"what is beyond the limits of its owner {giver.name}"
    return ""
