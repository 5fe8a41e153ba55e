"""Routing groups, and the virtual models that choose among them."""

from __future__ import annotations

from groups.models.routing import (
    GROUP_NAME,
    NAME_CHARACTERS,
    NAME_LENGTH,
    Deployment,
    RoutingGroup,
    RoutingGroupQuerySet,
    Strategy,
    UndoableChange,
)
from groups.models.routing_rules import RoutingRules
from groups.models.sharing import SharedLink
from groups.models.virtual import VirtualModel, VirtualTier

__all__ = [
    "GROUP_NAME",
    "NAME_CHARACTERS",
    "NAME_LENGTH",
    "Deployment",
    "RoutingGroup",
    "RoutingGroupQuerySet",
    "RoutingRules",
    "SharedLink",
    "Strategy",
    "UndoableChange",
    "VirtualModel",
    "VirtualTier",
]
