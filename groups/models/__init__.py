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
from groups.models.virtual import VirtualModel, VirtualTier

__all__ = [
    "GROUP_NAME",
    "NAME_CHARACTERS",
    "NAME_LENGTH",
    "Deployment",
    "RoutingGroup",
    "RoutingGroupQuerySet",
    "RoutingRules",
    "Strategy",
    "UndoableChange",
    "VirtualModel",
    "VirtualTier",
]
