"""Whether the database answers, as this process knows: a circuit breaker before every new connection.

While it is away nobody waits for it: one caller in TRY_EVERY_S tries, all others are refused at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from django.db import OperationalError

log = structlog.get_logger(__name__)

TRY_EVERY_S = 0.5
# What a caller is told: the console is back within a few seconds of its database.
RETRY_AFTER_S = 2
WHY = "The database is away. Nothing is lost; try again in a few seconds."


class DatabaseAway(OperationalError):
    """The database does not answer; its words are for people."""

    def __init__(self) -> None:
        super().__init__(WHY)


class DatabaseLink:
    """Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._is_away, self._next_try_s = False, 0.0

    @property
    def is_away(self) -> bool:
        return self._is_away

    @property
    def may_be_asked(self) -> bool:
        """Whether it answers, or it is time to try."""
        return not self._is_away or self._clock() >= self._next_try_s

    def check(self) -> None:
        """Raises DatabaseAway unless it answers, or it is this caller's turn to try."""
        if not self._is_away:
            return
        with self._lock:
            if not self.may_be_asked:
                raise DatabaseAway
            self._next_try_s = self._clock() + TRY_EVERY_S

    def lost(self, why: BaseException | str) -> None:
        """It did not answer."""
        with self._lock:
            was_away, self._is_away = self._is_away, True
            self._next_try_s = self._clock() + TRY_EVERY_S
        if not was_away:
            log.warning("the database is away", error=str(why).strip())

    def answered(self) -> None:
        """It did."""
        if not self._is_away:
            return
        with self._lock:
            was_away, self._is_away = self._is_away, False
        if was_away:
            log.info("the database is back")


link = DatabaseLink()
