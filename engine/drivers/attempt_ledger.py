"""Attempts of real requests in the ledger: how they begin, fail and end, whichever driver makes them."""

from __future__ import annotations

import time
from collections.abc import Set

from engine.core.failures import Failure, Kind
from engine.ledger import Attempt, AttemptStatus
from engine.spec import DeploymentSpec, GroupSpec
from engine.upstreams import failures
from engine.upstreams.call import CHAT, Call
from engine.upstreams.upstream_failure import UpstreamFailure


def begun(
    spec: GroupSpec,
    deployment: DeploymentSpec,
    depth: int,
    *,
    own_key: bool = False,
    sticky: bool = False,
    rescue: str = "",
    hedge: str = "",
) -> Attempt:
    """An attempt that begins now; `depth` is its distance from the first tier of all."""
    return Attempt(
        deployment.deployment_id,
        deployment.name,
        deployment.provider,
        spec.name,
        spec.tier_of(deployment),
        time.time(),
        depth,
        provider_id=deployment.provider_id,
        model=deployment.upstream_model,
        own_key=own_key,
        sticky=sticky,
        rescue=rescue,
        hedge=hedge,
    )


def failed(attempt: Attempt, deployment: DeploymentSpec, error: Exception) -> None:
    """Notes the error that ended an attempt, without the deployment's secrets."""
    failures.hide_secrets(error, deployment)
    attempt.error_class, attempt.error_message = failures.class_of(error), failures.message_of(error)
    attempt.status_code = failures.came_of(error)
    close(attempt, "error")


def close(attempt: Attempt, status: AttemptStatus) -> None:
    """Ends an attempt now."""
    attempt.status = status
    attempt.duration_ms = (time.time() - attempt.started_at) * 1000


def about_the_endpoint(call: Call, deployment: DeploymentSpec, served: Set[str], error: Exception) -> Exception:
    """A 404 says that the endpoint is missing where it was never answered, and nothing about the others.

    `served` are the endpoints that the deployment has answered; one that has answered nothing at all is one for chats.
    Where a request goes on from something that is kept, this is what is missing.
    """
    if not isinstance(error, UpstreamFailure) or error.kind is not Kind.NOT_FOUND:
        return error
    if call.source is not None:
        return failures.not_kept(call.source.param, error)
    if call.service in (served or {CHAT}):
        return error
    return failures.not_served(deployment, call.endpoint, error)


def failure_of(error: Exception) -> Failure:
    """An upstream's exception as the core sees it."""
    known = failures.as_failure(error)
    return Failure(known.kind, known.retry_after_s, failures.word_of(known), known)
