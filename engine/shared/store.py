"""What a driver of the routing core needs of the state that processes share."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from engine.core.actions import Ask
from engine.core.state import Health, RoutingState


class StoreLink(StrEnum):
    """Whether this process shares what it knows: with nobody, with the others, or with nobody for the moment."""

    ALONE = "alone"
    SHARING = "sharing"
    AWAY = "away"


class StateStore(Protocol):
    """The state that processes share. No method raises for a store that is away; then each process counts by itself.

    News of in-flight requests, latencies and breakers go to and from the `RoutingState` in the background. A request
    waits for the store only where it has to: for a limit a minute or at once, before a probe, and for the deployment of
    a conversation that stays where it was.
    """

    @property
    def link(self) -> StoreLink:
        """How it is connected now."""

    def attach(self, state: RoutingState) -> None:
        """The state of this process, before anything else."""

    async def take(self, ask: Ask) -> bool:
        """Counts one request at a target with limits a minute; False when all processes together have no room."""

    async def enter(self, ask: Ask) -> bool:
        """Takes a place at a target that takes only so many requests at once; False when all processes together have
        no more. The place is free again when the core hears that the attempt has ended."""

    async def claim(self, ask: Ask) -> bool:
        """Before a probe; False when another process probes the same deployment or key, which its breaker now knows."""

    async def bound(self, conversation: str) -> str:
        """The deployment that answered this conversation last, in any process; empty when nobody knows."""

    def bind(self, conversation: str, key: str, ttl_s: float) -> None:
        """A deployment has answered it; remembered for so long."""

    def used(self, health: Health, tokens: int) -> None:
        """An answer took so many tokens."""

    async def met(self) -> None:
        """Until it has heard of the others once."""

    async def run(self) -> None:
        """Tells and hears news, until cancelled."""
