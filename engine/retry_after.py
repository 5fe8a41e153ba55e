"""When a caller should ask again: as soon as one of the deployments that failed, or cool down, can be asked."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.dialects.errors import Kind
from engine.spec import DeploymentSpec, GroupSpec
from engine.upstreams import failures
from engine.upstreams.call import Call

if TYPE_CHECKING:
    from engine.routers import GroupRouter


def note(call: Call, spec: GroupSpec, deployment: DeploymentSpec, error: Exception) -> None:
    """Remembers of a failed attempt when its upstream may be asked again, or that its quota is used up."""
    place = spec.name, deployment.deployment_id
    reading = failures.reading_of(error)
    if reading is not None and reading.kind is Kind.QUOTA:
        call.used_up.add(place)
    elif (wait_s := failures.retry_after_s(error)) is not None:
        call.waits_until[place] = time.time() + wait_s


def is_used_up(call: Call, spec: GroupSpec, deployment: DeploymentSpec) -> bool:
    """Whether its quota was used up in this request: the same key would be refused again."""
    return (spec.name, deployment.deployment_id) in call.used_up


def is_hopeless(call: Call) -> bool:
    """Whether nothing but used-up quotas stood in the way, which no wait brings back."""
    tried = {(attempt.model_group, attempt.deployment_id) for attempt in call.trace.attempts}
    return bool(tried) and tried <= call.used_up


def soonest_s(call: Call, routers: Iterable[GroupRouter]) -> float | None:
    """Seconds until the first of those that said so, or cool down in these routers; None when there is none.

    Who cools down for longer than its upstream asked for is not asked before.
    """
    until = dict(call.waits_until)
    for router in routers:
        for cooldown in router.cooling.active():
            place = router.spec.name, cooldown.deployment.deployment_id
            until[place] = max(until.get(place, 0.0), cooldown.until_s)
    moments = [at for place, at in until.items() if place not in call.used_up]
    return max(0.0, min(moments) - time.time()) if moments else None
