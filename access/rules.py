"""May I? The roles' rights, in one place; `check_x` raises, `can_x` answers."""

from __future__ import annotations

from access.models import Actor, Role
from lib.exceptions import NotAllowed


def has_role(actor: Actor, at_least: Role) -> bool:
    """Whether the actor's role includes the other."""
    return actor.effective_role.includes(at_least)


def check_role(actor: Actor, at_least: Role, *, to: str) -> None:
    """Raises NotAllowed, naming what was tried and the role it needs."""
    if not has_role(actor, at_least):
        has = actor.effective_role or "none"
        raise NotAllowed(f"To {to} you need the role {at_least.value}; {actor.name} has {has}. Ask an admin.")


def can_read(actor: Actor) -> bool:
    """Viewers and up read everything but secrets."""
    return has_role(actor, Role.VIEWER)


def can_operate(actor: Actor) -> bool:
    """Operators and up test, rehearse and edit groups."""
    return has_role(actor, Role.OPERATOR)
