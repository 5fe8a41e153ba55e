"""Requests that wait for a place at deployments that take only so many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.core.state import Target


class Queued:
    """One request in the queues of some targets, until `until_s` at the latest.

    The first in a queue has the first place that gets free there. Whoever drives the request sets `wake`, which is
    called when it may be its turn.
    """

    __slots__ = ("targets", "until_s", "wake")

    def __init__(self, targets: Sequence[Target], until_s: float) -> None:
        self.targets, self.until_s = targets, until_s
        self.wake: Callable[[], None] = _nobody
        for target in targets:
            target.health.queue.append(self)

    def turns(self) -> list[Target]:
        """Those that have a place for this request now."""
        return [target for target in self.targets if target.health.queue.index(self) < target.places()]

    def leave(self) -> None:
        """It waits no more: the next in line may be lucky."""
        for target in self.targets:
            target.health.queue.remove(self)
            target.health.freed()


def _nobody() -> None:
    """Nobody drives it yet."""
