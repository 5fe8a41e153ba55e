"""When a caller should retry: as soon as one of the failed or cooling deployments can be asked again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.core.failures import Kind
from engine.skips import asked_in
from engine.spec import DeploymentSpec, GroupSpec, Strategy
from engine.upstreams import failures
from engine.upstreams.call import Call

if TYPE_CHECKING:
    from engine.routers import GroupRouter


def note(call: Call, spec: GroupSpec, deployment: DeploymentSpec, error: Exception) -> None:
    """Notes when the upstream of a failed attempt may be asked again, or that its quota is used up."""
    place = spec.name, deployment.deployment_id
    if failures.as_failure(error).kind is Kind.QUOTA:
        call.used_up.add(place)
    elif (wait_s := failures.retry_after_s(error)) is not None:
        call.waits_until[place] = time.time() + wait_s


def is_used_up(call: Call, spec: GroupSpec, deployment: DeploymentSpec) -> bool:
    """Whether a deployment's quota was used up in this request: the same key would be refused again."""
    return (spec.name, deployment.deployment_id) in call.used_up


def is_hopeless(call: Call) -> bool:
    """Whether only used-up quotas stood in the way: waiting does not help."""
    tried = asked_in(call.trace.attempts)
    return bool(tried) and tried <= call.used_up


def soonest_s(call: Call, routers: Sequence[GroupRouter]) -> float | None:
    """Seconds until the first deployment can be asked again, by its own Retry-After or its cooldown; None without
    either.

    The longer of the two counts for a deployment. A cooldown alone is no reason to wait while another candidate of
    these routers is free.
    """
    cooling = {
        (router.spec.name, cooldown.deployment.deployment_id): cooldown.until_s
        for router in routers
        for cooldown in router.cooling.active()
    }
    held_up = call.waits_until.keys() | cooling.keys() | call.used_up
    waited_for = (call.waits_until.keys() if _candidates(routers) - held_up else held_up) - call.used_up
    moments = [max(call.waits_until.get(place, 0.0), cooling.get(place, 0.0)) for place in waited_for]
    return max(0.0, min(moments) - time.time()) if moments else None


def _candidates(routers: Iterable[GroupRouter]) -> set[tuple[str, str]]:
    """Group and deployment of all candidates."""
    return {
        (router.spec.name, deployment.deployment_id)
        for router in routers
        for deployment in router.by_router_id.values()
        if not deployment.problem and (router.spec.strategy is not Strategy.WEIGHTED or deployment.weight)
    }
