"""When a caller should retry: as soon as one of the failed or cooling deployments can be asked again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Set

from engine.core.failures import Kind
from engine.skips import asked_in
from engine.spec import DeploymentSpec, GroupSpec
from engine.upstreams import failures
from engine.upstreams.call import Call

# A deployment in a group: the name of the group, and the id of the deployment.
Place = tuple[str, str]


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


def soonest_s(call: Call, cooling: Mapping[Place, float], candidates: Set[Place]) -> float | None:
    """Seconds until the first deployment can be asked again, by its own Retry-After or its cooldown; None without
    either.

    `cooling` is until when, in Unix seconds. The longer of the two counts for a deployment. A cooldown alone is no
    reason to wait while another of the `candidates` is free.
    """
    held_up = call.waits_until.keys() | cooling.keys() | call.used_up
    waited_for = (call.waits_until.keys() if candidates - held_up else held_up) - call.used_up
    moments = [max(call.waits_until.get(place, 0.0), cooling.get(place, 0.0)) for place in waited_for]
    return max(0.0, min(moments) - time.time()) if moments else None
