"""Cooldowns for the board, for pages, and to end one by hand: what the breakers of a group's deployments are to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from engine.core.breaker import Breaker
from engine.core.state import Group, Target
from engine.shared.messages import described
from engine.spec import DeploymentSpec


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A deployment that is left alone. Times are Unix seconds; `error` is for people, without secrets.

    `cause` counts the failures that led to it (`2×503`; "" when none is known), the last of them in the request
    `call_id`; `is_own_limit` says that it was a rate limit of ours, `is_by_hand` that somebody stopped it: no failure.
    """

    deployment: DeploymentSpec
    error_class: str
    error: str
    since_s: float
    until_s: float
    cause: str = ""
    call_id: str = ""
    is_own_limit: bool = False
    is_by_hand: bool = False


class CoreCooldowns:
    """Those of one group. A breaker is its deployment's, or its provider key's: other groups have the same one."""

    def __init__(self, group: Group) -> None:
        self._group = group

    @property
    def begun(self) -> int:
        """How many have begun: who has seen that number knows of all."""
        return sum(breaker.begun for _, breaker in self._breakers())

    def active(self) -> tuple[Cooldown, ...]:
        """The cooldowns that are not over, one for each deployment."""
        now = asyncio.get_running_loop().time()
        unix_s = time.time() - now
        longest: dict[str, Cooldown] = {}
        for target, breaker in self._breakers():
            if breaker.until_s > now:
                cooldown = _cooldown(target, breaker, unix_s)
                known = longest.get(target.key)
                longest[target.key] = cooldown if known is None or known.until_s < cooldown.until_s else known
        return tuple(longest.values())

    def end(self, deployment_id: str) -> bool:
        """Takes a deployment back into service, as if nothing had happened; whether it was cooling down."""
        now = asyncio.get_running_loop().time()
        ours = [breaker for target, breaker in self._breakers() if target.key == deployment_id]
        was_open = any(breaker.until_s > now for breaker in ours)
        for breaker in ours:
            breaker.close()
        return was_open

    def _breakers(self) -> Iterator[tuple[Target, Breaker]]:
        if self._group.has_breakers:
            for target in self._group.targets():
                yield target, target.health.breaker
                yield target, target.health.provider.breaker


def _cooldown(target: Target, breaker: Breaker, unix_s: float) -> Cooldown:
    error_class, message = described(breaker.last.cause) if breaker.last is not None else ("", "")
    return Cooldown(
        target.spec,
        error_class,
        message or breaker.cause,
        unix_s + breaker.since_s,
        unix_s + breaker.until_s,
        breaker.cause,
        breaker.request_id,
    )
