"""A caller's own keys: used instead of the system's; a refusal concerns only that caller."""

from __future__ import annotations

from dataclasses import replace

from engine.core.failures import Kind
from engine.spec import DeploymentSpec, OwnKey
from engine.upstreams import failures
from engine.upstreams.call import Call
from engine.upstreams.upstream_failure import UpstreamFailure

# A 401 would mean "your key for the console is wrong"; waiting and paying mean the same for both keys.
STATUS_FOR_CLIENT = {402: 402, 429: 429}


class OwnKeyRefused(UpstreamFailure):
    """The caller's own key was refused, and the system's may not be used: another deployment may work, this one will
    not.

    `error_class` is that of the `refusal`, the upstream's; `status` is for the caller.
    """

    def __init__(self, deployment: DeploymentSpec, refusal: Exception) -> None:
        reason = failures.message_of(refusal).rstrip(".")
        super().__init__(
            f"Your own key for {deployment.provider} was refused: {reason}. "
            "Store another one, or allow falling back to the system's key.",
            kind=Kind.OWN_KEY,
            error_class=failures.class_of(refusal),
            status=STATUS_FOR_CLIENT.get(failures.status_of(refusal) or 0, 403),
        )
        self.refusal = refusal


def key_for(call: Call, deployment: DeploymentSpec) -> OwnKey | None:
    """The caller's own key for a deployment; None without one, or if it was refused and the system's may be used."""
    if deployment.problem or (key := call.own_keys.get(deployment.provider_id)) is None:
        return None
    return None if may_fall_back(call, key) and deployment.provider_id in call.refused_keys else key


def may_fall_back(call: Call, key: OwnKey) -> bool:
    """Whether the system's key may be used when this one is refused: not for what only its own account keeps."""
    is_in_account = (call.source is not None and call.source.is_own) or call.needs_own_key is not None
    return key.may_fall_back and not is_in_account


def was_refused(call: Call, deployment: DeploymentSpec, error: Exception) -> bool:
    """Whether the attempt that ended with this error had the caller's key refused; the request then remembers it."""
    here = (one for one in reversed(call.trace.attempts) if one.deployment_id == deployment.deployment_id)
    if (last := next(here, None)) is None or not last.is_key_refused:
        return False
    call.refused_keys[deployment.provider_id] = error
    return True


def with_key(deployment: DeploymentSpec, key: OwnKey) -> DeploymentSpec:
    """The deployment with this key and without the system's credentials."""
    return replace(deployment, api_key=key.secret, credentials=())


def hopeless(call: Call) -> frozenset[str]:
    """The ids of providers that refused the caller's key in this request, if no other may be used."""
    return frozenset(name for name in call.refused_keys if not may_fall_back(call, call.own_keys[name]))


def is_hopeless(call: Call, deployment: DeploymentSpec) -> bool:
    """Whether the caller's key for it was refused in this request, and no other may be used."""
    key = call.own_keys.get(deployment.provider_id)
    return key is not None and not may_fall_back(call, key) and deployment.provider_id in call.refused_keys
