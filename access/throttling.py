"""Failed bearer keys: who sends too many of them is heard only with keys that are known to be good.

Counted for each address, by each process, which hears of those that the others counted. A key that is good is never
refused, so nobody locks others out who call from the same address.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from django.conf import settings

from access.client_address import household_of

WINDOW_S = 60.0
MOST_ADDRESSES, MOST_KEYS = 10_000, 10_000


class FailedKeys:
    """Those of a minute, by address, and the hashes of keys that were good a while ago.

    `tell` is called with the household of each, so that other processes hear of it; `knows` says of a hash whether it
    is of a key that is good, as far as a server knows all of them.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.tell: Callable[[str], None] = lambda household: None
        self.knows: Callable[[str], bool] = lambda hashed: False
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._good: OrderedDict[str, None] = OrderedDict()

    @property
    def are_none(self) -> bool:
        """Whether nobody sent a wrong key for a while: then no address has to be known."""
        return not self._failed

    def bars_for_s(self, address: str) -> int:
        """For how many seconds this address may try no unknown key; 0 if it may."""
        most = settings.FAILED_KEYS_PER_MINUTE
        if not most or not self._failed or (found := self._failed.get(household_of(address))) is None:
            return 0
        ends_s, count = found
        left_s = ends_s - self._clock()
        return math.ceil(left_s) if count >= most and left_s > 0 else 0

    def failed(self, address: str) -> None:
        """One more, sent to this process."""
        name = household_of(address)
        self.heard(name)
        self.tell(name)

    def heard(self, household: str, times: int = 1) -> None:
        """So many more, sent to any process."""
        now = self._clock()
        ends_s, count = self._failed.pop(household, (0.0, 0))
        self._failed[household] = (ends_s, count + times) if ends_s > now else (now + WINDOW_S, times)
        if len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)

    def worked(self, hashed: str) -> None:
        """This key was good."""
        self._good[hashed] = None
        self._good.move_to_end(hashed)
        if len(self._good) > MOST_KEYS:
            self._good.popitem(last=False)

    def is_good(self, hashed: str) -> bool:
        """Whether this key was good when it was last seen; whether it still is, is asked as ever."""
        return hashed in self._good or self.knows(hashed)


failed_keys = FailedKeys()
