"""One test request to a deployment that may have no traffic: when it is due, or when somebody wants it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import cast

from asgiref.sync import async_to_sync

from access.keys import KeyHolder
from access.models import Actor, Role
from access.rules import check_role
from engine.ledger import Trace, new_call_id
from engine.probes.one_token import LONGEST_S, OneTokenResult, ask_for_one_token
from engine.spec import DeploymentSpec, GroupSpec
from engine.upstreams.call import Endpoint
from groups.models import Deployment, RoutingGroup
from groups.specs import spec_of
from lib.exceptions import Conflict
from usage import alerting
from usage.health import standby_proofs
from usage.health.standby_proofs import DueStandby, ProofResult
from usage.health.standby_rules import HOUR_S, StandbyState
from usage.metrics.summing import sums
from usage.models import AlertKind
from usage.request_log.finished import PROBE, PROVER
from usage.request_log.recorder import recorder

HOLDER = KeyHolder(PROVER, Role.STRANGER)
# Somebody waits for it.
PATIENCE_S = 30.0
# Until the next one where nobody is asked without a wish.
USUAL_S = 6 * HOUR_S


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a request that somebody wanted: `error` is empty after an answer, `call_id` its row in the log."""

    deployment_id: str
    state: StandbyState
    error: str
    call_id: str


def prove_now(*, by: Actor, deployment: Deployment, rng: random.Random | None = None) -> Proof:
    """Asks a deployment of a group, active or not, for one token. For use in synchronous views.

    Raises Conflict where nobody can be asked, and TooSoon within seconds of the last request.
    """
    check_role(by, Role.OPERATOR, to="ask a deployment for one token")
    rng = rng or random.Random()  # noqa: S311  # jitter is no secret
    spec = spec_of(RoutingGroup.objects.with_credentials().get(pk=deployment.group_id))
    place = next((one for one in spec.deployments if one.deployment_id == str(deployment.model_id)), None)
    if place is None:
        raise Conflict(f"{deployment.model} is disabled, so it takes no traffic.")
    due = standby_proofs.claim_by_hand(deployment.model)
    result = async_to_sync(_ask_while_serving)(spec, place, due, rng)
    after_s = standby_proofs.interval_s() or USUAL_S
    standby_proofs.record(due.deployment_id, result, after_s=after_s, rng=rng)
    alerting.settle([AlertKind.STANDBY_DEAD])
    state = standby_proofs.standby_states([due.deployment_id]).get(due.deployment_id, StandbyState())
    return Proof(due.deployment_id, state, result.error, result.call_id)


async def _ask_while_serving(
    spec: GroupSpec, deployment: DeploymentSpec, due: DueStandby, rng: random.Random
) -> ProofResult:
    # Here, because LiteLLM takes seconds to import.
    from gateway.live import serving

    async with serving():
        return await ask_deployment(spec, deployment, due, rng=rng, budget_s=PATIENCE_S)


async def ask_deployment(
    spec: GroupSpec, deployment: DeploymentSpec, due: DueStandby, *, rng: random.Random, budget_s: float = LONGEST_S
) -> ProofResult:
    """What came of one request to a deployment of this group."""
    if deployment.problem:
        return ProofResult(deployment.problem)
    found = await _asked(spec, deployment, cast(Endpoint, due.endpoint), rng, budget_s)
    return ProofResult(found.error, found.is_timeout, found.call.trace.call_id, found.retry_after_s)


async def _asked(
    spec: GroupSpec, deployment: DeploymentSpec, endpoint: Endpoint, rng: random.Random, budget_s: float
) -> OneTokenResult:
    """Its row in the log has its cost; nothing of it counts as a request."""
    # Here, because the configuration that these modules need is in `gateway.live`, which has the prover.
    from gateway.exchange import Exchange
    from gateway.records import FinishedExchange

    exchange = Exchange(PROBE, HOLDER, Trace(new_call_id(), ""), was_routed=True)
    call_id = exchange.trace.call_id
    found = await ask_for_one_token(spec, deployment, endpoint, call_id=call_id, rng=rng, budget_s=budget_s)
    exchange.trace, exchange.call, exchange.result = found.call.trace, found.call, found.answer
    exchange.status, exchange.error_code = found.status, found.code
    ended = FinishedExchange(exchange)
    recorder.put(ended)
    sums.count_proof(ended)
    return found
