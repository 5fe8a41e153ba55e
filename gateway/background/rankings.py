"""The rankings behind `auto` and the power levels: kept in memory, renewed when the configuration or speeds change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from gateway.background.periodic import run_every
from usage.health.level_rankings import current_rankings

# Response times change slowly; no request waits for them.
RENEWED_EVERY_S = 60.0


class Rankings:
    """For each level, the names of its groups, best first."""

    def __init__(self, in_database_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._in_database_thread = in_database_thread
        self._names: Mapping[str, tuple[str, ...]] = {}

    def __contains__(self, level: object) -> bool:
        return level in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def pools_for(self, level: str) -> tuple[str, ...]:
        """The groups to ask for a level, best first."""
        return self._names.get(level, ())

    async def renew(self) -> None:
        """Ranks the groups by their current facts."""
        found = await self._in_database_thread(current_rankings)
        self._names = {level: tuple(one.facts.name for one in standings) for level, standings in found.items()}

    async def run(self) -> None:
        """Renews the rankings periodically until cancelled."""
        await run_every(self.renew, every_s=RENEWED_EVERY_S, failing="power levels not renewed")
