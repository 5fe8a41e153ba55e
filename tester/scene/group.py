"""A routing group for the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from engine.spec import Strategy
from groups.deployments.percentages import percentages

MOST_DEPLOYMENTS = 10


class Mode(StrEnum):
    """The two ways to draw a group: a chain of tiers, or a fan of streams."""

    ORDERED = "ordered"
    WEIGHTED = "weighted"

    @property
    def other(self) -> Mode:
        """What the switch button shows."""
        return Mode.WEIGHTED if self is Mode.ORDERED else Mode.ORDERED


def mode_of(strategy: Strategy) -> Mode:
    """The default mode of a group with this strategy."""
    return Mode.ORDERED if strategy is Strategy.PRIORITY_FAILOVER else Mode.WEIGHTED


@dataclass(frozen=True, slots=True)
class DrawnDeployment:
    """One card. `colour` is the provider's colour word: the stylesheet has a class `.p-<colour>` for it. `region`
    is where it runs, empty where nobody knows."""

    deployment_id: str
    name: str
    provider: str
    colour: str
    priority: int | None = None
    weight: float | None = None
    region: str = ""

    @property
    def initial(self) -> str:
        """The letter on the disc."""
        return self.name[:1].upper() or "?"


@dataclass(frozen=True, slots=True)
class DrawnFault:
    """A fault that was set for one deployment, from one moment of the run to another (`inf`: its end).

    `is_down`: no attempt can succeed while it lasts.
    """

    deployment_id: str
    from_ms: float
    until_ms: float
    words: str
    is_down: bool = False


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    """A routing group with its deployments in their order.

    `has_elsewhere`: other groups may answer for it. `faults` are known of rehearsals, not of traffic.
    """

    name: str
    strategy: Strategy
    deployments: tuple[DrawnDeployment, ...]
    has_elsewhere: bool = False
    faults: tuple[DrawnFault, ...] = ()

    def tiers(self, mode: Mode) -> tuple[tuple[int, ...], ...]:
        """Indexes of the deployments, tier by tier; the fan has one tier.

        A group without priorities, previewed as a chain, has one tier per deployment.
        """
        indexes: Sequence[int] = range(len(self.deployments))
        if mode is Mode.WEIGHTED:
            return (tuple(indexes),) if indexes else ()
        ordered = sorted(indexes, key=self.priority_of)
        return tuple(tuple(tier) for _, tier in groupby(ordered, key=self.priority_of))

    def priority_of(self, index: int) -> int:
        """The priority of a deployment, or its position."""
        if self.strategy is not Strategy.PRIORITY_FAILOVER:
            return index + 1
        return self.deployments[index].priority or 1

    def weights(self) -> list[int]:
        """Weights in whole percent; equal ones if there are none or the strategy ignores them."""
        weights = [d.weight or 0 for d in self.deployments]
        counts = self.strategy in (Strategy.WEIGHTED, Strategy.PRIORITY_FAILOVER) and any(weights)
        return percentages(weights if counts else [1] * len(weights))
