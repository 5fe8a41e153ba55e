"""The input and the result of a probe."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.spec import Secret


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
    people and holds no secret; it is empty on success.
    """

    latency_ms: float
    models: tuple[str, ...] = ()
    trouble: Trouble | None = None
    error: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the provider works."""
        return self.trouble is None
