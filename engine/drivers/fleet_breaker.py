"""The breaker of a deployment that several processes share, as it is in a rehearsal.

All of them know at once that it opened, probes or recovers. But each counts by itself what leads to that: failures in a
row, and those of a minute. So four processes bear up to four times as many failures as one.
"""

from __future__ import annotations

import math
from random import Random

from engine.core.breaker import Breaker, BreakerPolicy
from engine.core.failures import Failure

# Requests whose process is remembered; more are hardly in flight at once.
MOST_KNOWN = 20_000


class OwnCount:
    """What one process has counted; see `Breaker`."""

    __slots__ = ("bad", "before", "failed", "first", "news", "sent", "window_s")

    def __init__(self) -> None:
        self.sent = self.news = 0
        self.forget()

    def forget(self) -> None:
        """As `Breaker` does when it recovers."""
        self.failed = set[int]()
        self.window_s, self.first, self.bad = -math.inf, 0, 0
        self.before = (0, 0)


class FleetBreaker(Breaker):
    """One breaker over `processes`; each request is of any of them, by chance."""

    __slots__ = ("_all_sent", "_counts", "_own", "_rng", "_whose")

    def __init__(self, policy: BreakerPolicy, processes: int, rng: Random) -> None:
        self._rng, self._all_sent = rng, 0
        self._counts = [OwnCount() for _ in range(processes)]
        self._own: OwnCount | None = None  # whose failure is counted now
        self._whose: dict[int, tuple[OwnCount, int]] = {}
        super().__init__(policy)

    @property
    def sent(self) -> int:
        """The number of the last request: of all, or of the process whose failure is counted."""
        return self._all_sent if self._own is None else self._own.sent

    @sent.setter
    def sent(self, number: int) -> None:
        if number <= self._all_sent:  # it is made
            return
        self._all_sent = number
        own = self._counts[int(self._rng.random() * len(self._counts))]
        own.sent += 1
        self._whose[number] = own, own.sent
        if len(self._whose) > MOST_KNOWN:
            self._whose = dict(list(self._whose.items())[MOST_KNOWN // 2 :])

    def entered(self, now: float = 0.0) -> int:
        if self.until_s:
            for own in self._counts:
                own.news = own.sent
        return super().entered(now)

    def failed(self, now: float, failure: Failure, ticket: int, request_id: str = "", number: int = 0) -> bool:
        own, number = self._whose.pop(number or self._all_sent, (self._counts[0], self._counts[0].sent))
        self._own = own
        self._failed, self._before, self._news = own.failed, own.before, own.news
        self._window_s, self._first, self._bad = own.window_s, own.first, own.bad
        try:
            return super().failed(now, failure, ticket, request_id, number)
        finally:
            own.failed, own.before = self._failed, self._before
            own.window_s, own.first, own.bad = self._window_s, self._first, self._bad
            self._own = None

    def _forget(self) -> None:
        super()._forget()
        for own in self._counts:
            own.forget()
