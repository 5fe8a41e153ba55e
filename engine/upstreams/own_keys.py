"""A caller's own keys: called with instead of the system's, and nobody else's trouble when they are refused."""

from __future__ import annotations

from dataclasses import replace

import litellm

from engine.spec import DeploymentSpec, OwnKey
from engine.upstreams import failures
from engine.upstreams.call import Call

# "401" would read as "your key of the console is wrong"; to wait, or to pay, is the same for both.
STATUS_FOR_CLIENT = {402: 402, 429: 429}


class OwnKeyRefused(litellm.AuthenticationError):
    """The caller's own key was refused, and the system's may not be used.

    To the router it is a wrong key: another deployment may do, this one will not. `status_for_client` is what the
    caller is told, `error_class` what the upstream's refusal was.
    """

    def __init__(self, deployment: DeploymentSpec, error: Exception) -> None:
        message = failures.message_of(error).rstrip(".")
        super().__init__(message=message, llm_provider=deployment.provider, model=deployment.name)
        self.upstream_message = (
            f"Your own key for {deployment.provider} was refused: {message}. "
            "Store another one, or allow falling back to the system's key."
        )
        self.error_class = type(error).__name__
        self.status_for_client = STATUS_FOR_CLIENT.get(failures.status_of(error) or 0, 403)
        self.retry_after_s = failures.retry_after_s(error)


def key_for(call: Call, deployment: DeploymentSpec) -> OwnKey | None:
    """The caller's own key for a deployment, None when there is none, or when it was refused and need not be used."""
    if deployment.problem or (key := call.own_keys.get(deployment.provider_id)) is None:
        return None
    return None if key.may_fall_back and deployment.provider_id in call.refused_keys else key


def with_key(deployment: DeploymentSpec, key: OwnKey) -> DeploymentSpec:
    """The deployment called with this key, and with none of the system's credentials."""
    return replace(deployment, api_key=key.secret, credentials=())


def hopeless(call: Call) -> frozenset[str]:
    """Ids of the providers that refused the caller's key in this request, where no other may be used."""
    return frozenset(name for name in call.refused_keys if not call.own_keys[name].may_fall_back)


def is_hopeless(call: Call, deployment: DeploymentSpec) -> bool:
    """Whether the caller's key for it was refused in this request, and no other may be used."""
    key = call.own_keys.get(deployment.provider_id)
    return key is not None and not key.may_fall_back and deployment.provider_id in call.refused_keys
