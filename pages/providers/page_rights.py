"""The rights of the person on the pages of providers and models."""

from __future__ import annotations

from access.models import Role
from access.rules import has_role
from pages.guards import PersonRequest, requires

readers_only = requires(Role.VIEWER, to="see providers and models")
testers_only = requires(Role.OPERATOR, to="test providers")
editors_only = requires(Role.ADMIN, to="manage providers and models")


def rights(request: PersonRequest) -> dict[str, bool]:
    """The rights of this person, for templates."""
    return {"can_edit": has_role(request.user, Role.ADMIN), "can_test": has_role(request.user, Role.OPERATOR)}
