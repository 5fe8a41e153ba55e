"""One computation for all who look at the same thing at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Kept(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    made_at: float = float("-inf")
    value: T | None = None


class SharedViews(Generic[T]):
    """Keeps what was computed for `seconds`, so that fifty viewers of one group cost as much as one.

    A copy in each process is fine: it is gone after a moment, and each says what the database says.
    """

    def __init__(self, *, seconds: float, most: int = 200, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._kept: dict[Hashable, _Kept[T]] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under a key, made again if it is too old; others wait meanwhile."""
        if key not in self._kept and len(self._kept) >= self._most:
            self._kept.clear()
        kept = self._kept.setdefault(key, _Kept())
        with kept.lock:
            if kept.value is None or self._clock() - kept.made_at >= self._seconds:
                kept.value, kept.made_at = make(), self._clock()
            return kept.value
