"""A process that shares nothing: rehearsals, commands, and a server without Redis."""

from __future__ import annotations

from engine.core.actions import Ask
from engine.core.state import Health, RoutingState
from engine.shared.store import StoreLink


class LocalStore:
    """A `StateStore` for one process: what the core counts itself is all there is."""

    link = StoreLink.ALONE

    def attach(self, state: RoutingState) -> None:
        """Nothing is kept."""

    async def take(self, ask: Ask) -> bool:
        """The core has counted it already."""
        return True

    async def enter(self, ask: Ask) -> bool:
        """The core knows who is in."""
        return True

    async def claim(self, ask: Ask) -> bool:
        """Nobody else probes."""
        return True

    def used(self, health: Health, tokens: int) -> None:
        """The core has counted them already."""

    async def met(self) -> None:
        """There are none."""

    async def run(self) -> None:
        """There is nobody to tell."""
