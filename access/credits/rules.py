"""Who may see and change which credits."""

from __future__ import annotations

from django.db.models import Q

from access.keys import KeyHolder
from access.models import Account, Actor, Membership, Role, Team, User
from access.rules import check_role, has_role
from lib.exceptions import NotAllowed

Holder = User | Team
SEEN = "You may see your own credits and those of your teams. Ask an admin for others."


def can_manage(actor: Actor) -> bool:
    """Admins move money and set limits."""
    return has_role(actor, Role.ADMIN)


def check_can_manage(actor: Actor) -> None:
    check_role(actor, Role.ADMIN, to="change credits")


def payer_of(actor: Actor) -> Holder | None:
    """The payer for the requests of this actor: the team for a team's key, else the person; None for the master key."""
    if isinstance(actor, User):
        return actor
    if isinstance(actor, KeyHolder) and actor.team_id:
        return Team.objects.filter(pk=actor.team_id).first()
    return None if actor.user_id is None else User.objects.filter(pk=actor.user_id).first()


def can_see(actor: Actor, holder: Holder) -> bool:
    """Admins see every account, a person their own and those of their teams, a team's key the team's."""
    if can_manage(actor):
        return True
    if isinstance(holder, User) or actor.user_id is None:
        return bool(holder.pk == actor.user_id)
    if isinstance(actor, KeyHolder) and actor.team_id == str(holder.pk):
        return True
    return Membership.objects.filter(team=holder, user_id=actor.user_id).exists()


def check_can_see(actor: Actor, holder: Holder) -> None:
    """Raises NotAllowed for somebody else's account."""
    if not can_see(actor, holder):
        raise NotAllowed(SEEN)


def seen_by(actor: Actor) -> Q:
    """The accounts that an actor may see, as a filter."""
    own = Q(user_id=actor.user_id) | Q(team__memberships__user_id=actor.user_id)
    return Q() if can_manage(actor) else Q(pk__in=Account.objects.filter(own).values("pk"))
