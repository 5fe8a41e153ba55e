"""The open loop of a rehearsal: requests come when they come, whether or not earlier ones are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.workload import Arrival


class RunHooks(Protocol):
    """What it needs of the run: its clock and heap, and the beginning of requests."""

    now: float
    heap: list[tuple[float, int, Callable[[Any], None], Any]]

    def at(self, when: float, happen: Callable[[Any], None], about: Any) -> None: ...
    def begin(self, arrival: tuple[int, Arrival], client: ClientRetries | None) -> None: ...
    def begin_one(self, about: tuple[tuple[int, Arrival], ClientRetries | None]) -> None: ...


class OpenLoop:
    """The requests of one run, with their numbers."""

    def __init__(self, run: RunHooks, arrivals: Iterator[tuple[int, Arrival]]) -> None:
        self._run, self._arrivals = run, arrivals

    def await_next(self) -> None:
        """The first one comes when it comes, and each other one after it."""
        if (arrival := next(self._arrivals, None)) is not None:
            self._run.at(max(self._run.now, arrival[1].at_s), self._come, arrival)

    def _come(self, arrival: tuple[int, Arrival]) -> None:
        """All that come at this moment; they begin after what else is due now."""
        run, due, following = self._run, [arrival], next(self._arrivals, None)
        while following is not None and following[1].at_s <= run.now:
            due.append(following)
            following = next(self._arrivals, None)
        if following is not None:
            run.at(following[1].at_s, self._come, following)
        if len(due) == 1 and run.heap[0][0] > run.now:
            run.begin(arrival, None)
            return
        for one in due:
            run.at(run.now, run.begin_one, (one, None))
