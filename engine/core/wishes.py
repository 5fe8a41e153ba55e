"""What groups want of something that they share: the breaker of a deployment, the key and the budget of a provider."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce

from engine.core.breaker import BreakerPolicy

# Repeats at a provider: a share of its traffic.
RETRY_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Wish:
    """What one group wants. `breaker` is None where it heeds no breaker; `retry_share` is the most of a provider's
    traffic that may be repeats."""

    breaker: BreakerPolicy | None
    retry_share: float = RETRY_SHARE


class Wishes:
    """Those of all groups. The strictest counts: the fewest failures borne, the longest pause, the fewest repeats.

    Thousands of groups have few different wishes: equal ones are counted, so that a change costs little.
    """

    __slots__ = ("_by_group", "_counts")

    def __init__(self) -> None:
        self._by_group: dict[str, Wish] = {}
        self._counts: Counter[Wish] = Counter()

    def __bool__(self) -> bool:
        return bool(self._by_group)

    def put(self, group_name: str, wish: Wish) -> None:
        """A group wants this, in place of what it wanted before."""
        self.drop(group_name)
        self._by_group[group_name] = wish
        self._counts[wish] += 1

    def drop(self, group_name: str) -> None:
        """A group wants nothing any more."""
        if (wish := self._by_group.pop(group_name, None)) is not None:
            self._counts[wish] -= 1
            self._counts = +self._counts

    def breaker(self) -> BreakerPolicy:
        """What the deployment's breaker does."""
        wanted = [wish.breaker for wish in self._counts if wish.breaker is not None]
        return reduce(BreakerPolicy.strictest, wanted or [BreakerPolicy()])

    def key_breaker(self) -> BreakerPolicy:
        """What the breaker of a provider's key does: it takes only the times that double."""
        return replace(self.breaker(), fixed_s=None, allowed_fails=None)

    def retry_share(self) -> float:
        """The share of the provider's traffic that may be repeats."""
        return min((wish.retry_share for wish in self._counts), default=RETRY_SHARE)
