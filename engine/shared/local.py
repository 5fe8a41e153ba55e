"""A process that shares nothing: rehearsals, commands, and a server without Redis."""

from __future__ import annotations

import asyncio

from engine.core.actions import Ask
from engine.core.bindings import Bindings
from engine.core.state import Health, RoutingState
from engine.shared.store import StoreLink


class LocalStore:
    """A `StateStore` for one process: what the core counts itself is all there is."""

    link = StoreLink.ALONE

    def __init__(self) -> None:
        self._bindings = Bindings()

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

    async def bound(self, conversation: str) -> str:
        """As this process remembers."""
        return self._bindings.get(conversation, asyncio.get_running_loop().time())

    def bind(self, conversation: str, key: str, ttl_s: float) -> None:
        """Remembered here."""
        self._bindings.put(conversation, key, asyncio.get_running_loop().time() + ttl_s)

    def used(self, health: Health, tokens: int) -> None:
        """The core has counted them already."""

    async def met(self) -> None:
        """There are none."""

    async def run(self) -> None:
        """There is nobody to tell."""
