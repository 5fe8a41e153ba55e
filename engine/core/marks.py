"""The failures that a breaker remembers, to say what has opened it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

MOST_FAILURES = 1000


@dataclass(frozen=True, slots=True)
class Mark:
    """A failure that a breaker remembers: when, how in a word, and in which request."""

    at_s: float
    word: str
    request_id: str


class Marks:
    """The latest failures, oldest first. Those since a moment are counted as they come: while a provider is down, a
    breaker opens after almost every request, and each time it says why.
    """

    __slots__ = ("_counts", "_kept", "_since_s")

    def __init__(self) -> None:
        self._kept: deque[Mark] = deque()
        self._counts: Counter[str] = Counter()
        self._since_s = 0.0

    def add(self, mark: Mark) -> None:
        """Remembers one more, and forgets the oldest if there are too many."""
        kept, counts, since_s = self._kept, self._counts, self._since_s
        if len(kept) == MOST_FAILURES and (oldest := kept.popleft()).at_s >= since_s:
            counts[oldest.word] -= 1
        kept.append(mark)
        if mark.at_s >= since_s:
            counts[mark.word] += 1

    def first_s(self, now: float, row: int, window_s: float) -> float:
        """When the first of those came that open the breaker: of a row, also longer ago than the window."""
        marks = self._kept
        in_window = (mark.at_s for mark in marks if now - mark.at_s <= window_s)
        return min(*in_window, marks[-min(row, len(marks))].at_s, now)

    def said(self, since_s: float) -> tuple[str, str]:
        """The most frequent failure since then, as `2×503` (of several the latest), and the request of the last one."""
        if since_s != self._since_s:
            self._since_s = since_s
            self._counts = Counter(mark.word for mark in self._kept if mark.at_s >= since_s)
        if not (most := max(self._counts.values(), default=0)):
            return "", ""
        return f"{most}×{self._latest_of(most)}", self._kept[-1].request_id

    def _latest_of(self, count: int) -> str:
        words = {word for word, many in self._counts.items() if many == count}
        return next(mark.word for mark in reversed(self._kept) if mark.at_s >= self._since_s and mark.word in words)
