"""The input and the result of a probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.spec import DeploymentSpec, Secret


class Trouble(StrEnum):
    """Why a provider could not be used."""

    WRONG_KEY = "wrong_key"
    FORBIDDEN = "forbidden"
    NO_CREDIT = "no_credit"
    RATE_LIMITED = "rate_limited"
    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    REDIRECT = "redirect"
    NOT_COMPATIBLE = "not_compatible"
    NO_LIST = "no_list"
    SERVER_ERROR = "server_error"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Target:
    """A provider to probe.

    `provider_type` is LiteLLM's name; `model` may be asked for one token. `options` and `credentials` are as in a
    DeploymentSpec.
    """

    provider: str
    provider_type: str
    api_base: str | None = None
    api_key: Secret | None = None
    model: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    credentials: tuple[tuple[str, Secret], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a probe.

    `models` are the provider's own names, all that it lists; `latency_ms` is that of the deciding call. `error` is for
    people and holds no secret; it is empty on success. `spoken` says of each dialect whether the provider answers it,
    None where that can't be told; it is empty where nobody asked.
    """

    latency_ms: float
    models: tuple[str, ...] = ()
    trouble: Trouble | None = None
    error: str = ""
    spoken: Mapping[str, bool | None] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether the provider works."""
        return self.trouble is None


def deployment_of(target: Target, model: str = "") -> DeploymentSpec:
    """A deployment of the target's model, or of the named one, to be called as those of real traffic are."""
    return DeploymentSpec(
        deployment_id="probe",
        name=target.provider,
        provider=target.provider,
        provider_type=target.provider_type,
        upstream_model=model or target.model or "",
        api_base=target.api_base,
        api_key=target.api_key,
        options=target.options,
        credentials=target.credentials,
    )
