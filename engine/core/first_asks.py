"""The first attempt of a request that nothing stands in the way of, made without a journey.

Most requests are answered by the first deployment that they ask, and a journey remembers nothing of such an attempt.
So a driver of many requests makes the journey only when that attempt fails, and lets it go on from there
(`Journey.goes_on_from`). That the same comes of it is a property test.
"""

from __future__ import annotations

import math
from random import Random

from engine.core.actions import Ask, Step, Visit
from engine.core.attempt_course import sent
from engine.core.state import Group, Target


class FirstAsks:
    """Those of all requests of one kind that come to a group."""

    __slots__ = ("_is_stream", "_longest", "_pick", "_rng", "_tier", "_visit")

    def __init__(self, group: Group, rng: Random, *, is_stream: bool = False) -> None:
        has_bounds = group.has_limits or group.has_places or not group.tiers
        self._tier: tuple[Target, ...] = () if has_bounds else group.tiers[0]
        self._longest = group.least_context if self._tier else -math.inf
        self._visit = Visit(group)
        self._pick, self._rng, self._is_stream = group.pick, rng, is_stream

    def ask(self, now: float, tokens: int = 0, prompt_tokens: int = 0) -> Ask | None:
        """What `Journey.begin` would ask, where it would look at nothing but the strategy; else None.

        Its visit is nobody's own: it is that of all such requests.
        """
        tier = self._tier
        if tokens > self._longest or prompt_tokens > self._longest:
            return None
        for target in tier:
            health = target.health
            if not (health.breaker.is_quiet and health.provider.breaker.is_quiet):
                return None
        target = tier[0] if len(tier) == 1 else self._pick(tier, self._rng, self._is_stream, now)
        target.health.provider.budget.earned()
        return sent(self._visit, 0, target, Step.FIRST, tokens, now)
