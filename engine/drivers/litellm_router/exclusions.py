"""What stands in a candidate's way just before LiteLLM picks: our own look, for the ledger. It decides nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.drivers import passed_over
from engine.drivers.cooldowns import Cooldown
from engine.ledger import SkipReason
from engine.skips import Journey, skip_of
from engine.spec import DeploymentSpec, GroupSpec

if TYPE_CHECKING:
    from engine.drivers.litellm_router.router import GroupRouter


def note(router: GroupRouter, journey: Journey) -> None:
    """Notes who cools down, or is over its rate limit. Nearly free while nobody is, outside usage-based routing."""
    if router.cooling.until_s > (now := time.time()):
        for cooldown in router.cooling.active():
            _note_cooldown(router.spec, journey, cooldown, now)
    if router.counts_usage:
        _note_limits(router, journey, now)


def _note_cooldown(spec: GroupSpec, journey: Journey, cooldown: Cooldown, now: float) -> None:
    left_s = max(0.0, cooldown.until_s - now)
    reason = SkipReason.RATE_LIMITED if cooldown.is_own_limit else SkipReason.COOLING
    is_by_hand, cause = cooldown.is_by_hand, cooldown.cause
    message = passed_over.message(reason, cooldown.deployment, left_s=left_s, cause=cause, is_by_hand=is_by_hand)
    journey.note(
        skip_of(
            spec,
            cooldown.deployment,
            reason,
            message,
            for_s=left_s,
            since=cooldown.since_s,
            cause=cooldown.cause or None,
            cause_call_id=cooldown.call_id or None,
        )
    )


def _note_limits(router: GroupRouter, journey: Journey, now: float) -> None:
    """What usage-based routing leaves out without a word: who has used its rpm or tpm of this minute.

    As in LiteLLM's selector, the request that would reach the limit is over it.
    """
    minute, left_s = datetime.fromtimestamp(now, UTC).strftime("%H-%M"), 60 - now % 60
    for router_id, deployment in router.by_router_id.items():
        if (limit := _used_up(router, router_id, deployment, minute)) is not None:
            message = f"Its limit of {limit} a minute is used up; {left_s:.0f} s more to wait."
            journey.note(skip_of(router.spec, deployment, SkipReason.RATE_LIMITED, message, for_s=left_s))


def _used_up(router: GroupRouter, router_id: str, deployment: DeploymentSpec, minute: str) -> str | None:
    def used(what: str) -> int:
        key = f"{router_id}:openai/{deployment.upstream_model}:{what}:{minute}"
        value: Any = router.cache.in_memory_cache.get_cache(key)
        return int(value or 0)

    if deployment.rpm is not None and used("rpm") + 1 >= deployment.rpm:
        return f"{deployment.rpm:,} requests"
    if deployment.tpm is not None and used("tpm") > deployment.tpm:
        return f"{deployment.tpm:,} tokens"
    return None
