"""Bad behaviour that all processes are to know of, by who it comes from: wrong keys of an address."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from time import monotonic

# What could not be told within so long is of no use to the others.
USEFUL_S = 60.0
MOST = 10_000

Hear = Callable[[str, int], None]


class Strikes:
    """What this process has seen and not told yet; `hear` is called with who it was and how often, for the others'.

    Any thread may strike.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._untold: deque[tuple[float, str]] = deque(maxlen=MOST)
        self.hear: Hear = lambda who, times: None

    def strike(self, who: str) -> None:
        """Once more; told with the next news."""
        self._untold.append((self._clock(), who))

    def untold(self) -> dict[str, int]:
        """How often it was who since the last time."""
        since, found = self._clock() - USEFUL_S, Counter[str]()
        while self._untold:
            at_s, who = self._untold.popleft()
            if at_s >= since:
                found[who] += 1
        return dict(found)

    def heard(self, others: Mapping[str, int]) -> None:
        """What another process has seen."""
        for who, times in others.items():
            self.hear(who, times)
