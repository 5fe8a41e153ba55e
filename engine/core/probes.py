"""The requests that try whether what a breaker has shut is back. Pure; times are the driver's seconds.

One at a time, but one that is slow, or silent, does not bar the next one until its end.
"""

from __future__ import annotations

import math


class Probes:
    """Those of one breaker, by their tickets, each with how often the breaker had opened when it was sent.

    Any of them may bring it back. Of those that were sent after the same opening one may open it again: together they
    say what one says. `begun_s` is when the last one was sent. Another process's one, which was sent at
    `elsewhere_begun_s`, is known of until `elsewhere_s`.
    """

    __slots__ = ("_bars_s", "_last", "_running", "begun_s", "elsewhere_begun_s", "elsewhere_s")

    def __init__(self) -> None:
        self.begun_s = self.elsewhere_begun_s = self.elsewhere_s = 0.0
        self._last, self._bars_s = 0, 0.0  # the ticket of the last one, and how long it bars others
        self._running: dict[int, int] = {}

    def begin(self, now: float, openings: int, bars_s: float) -> int:
        """One more is sent, which bars others for so long: its ticket, above 0."""
        self._last += 1
        self.begun_s, self._bars_s, self._running[self._last] = now, bars_s, openings
        return self._last

    def begun_elsewhere(self, now: float, age_s: float, known_s: float) -> None:
        """Another process's, of that age, is known of for so long."""
        self.elsewhere_begun_s, self.elsewhere_s = now - age_s, now + known_s

    def end(self, ticket: int) -> None:
        """It has ended."""
        self._running.pop(ticket, None)

    def forget(self) -> None:
        """What runs is no probe any more."""
        self._running.clear()
        self.elsewhere_s = 0.0

    def has(self, ticket: int) -> bool:
        """Whether this is the ticket of one that runs."""
        return ticket in self._running

    def may_open(self, ticket: int, openings: int) -> bool:
        """Whether its failure says something new to a breaker that has opened so often."""
        return self._running.get(ticket) == openings

    def are_of(self, openings: int) -> bool:
        """Whether one runs that was sent when the breaker had opened so often."""
        return openings in self._running.values()

    def bar_until_s(self, most_s: float = math.inf) -> float:
        """Until when they bar others, where none may for longer than `most_s`; 0 when none does."""
        ours_s = self.begun_s + min(self._bars_s, most_s) if self._last in self._running else 0.0
        return max(ours_s, min(self.elsewhere_s, self.elsewhere_begun_s + most_s))
