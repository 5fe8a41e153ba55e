"""The engine's whole input: frozen dataclasses that describe one routing group.

Nothing here knows Django, LiteLLM or HTTP. `groups/specs.py` makes these from rows; tests and
rehearsals make them by hand. Times are seconds (`_s`), prices are US dollars per token.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.rehearsal.capacity import Capacity

DEFAULT_COOLDOWN_S = 30.0
FIRST_TOKEN_S, TOTAL_S = 15.0, 120.0
STICKY_S = 3600.0
HEDGE_BUDGET = 0.05


class Strategy(StrEnum):
    """How a group picks among its deployments; with the values of the REST API."""

    PRIORITY_FAILOVER = "priority-failover"
    WEIGHTED = "weighted"
    SIMPLE_SHUFFLE = "simple-shuffle"
    LEAST_BUSY = "least-busy"
    LATENCY_BASED = "latency-based-routing"
    COST_BASED = "cost-based-routing"
    USAGE_BASED = "usage-based-routing-v2"


class Router(StrEnum):
    """Who decides where a group's requests go: our own core, or LiteLLM's Router; as the REST API spells it."""

    NATIVE = "native"
    LITELLM = "litellm"


class Unsupported(StrEnum):
    """What happens with parameters that a deployment's dialect or model can't take; as the REST API spells it.

    They are left out, make the deployment unsuitable, or are sent all the same.
    """

    DROP = "drop"
    REFUSE = "refuse"
    PASS = "pass"  # noqa: S105  # the word of the API


class Rescues(StrEnum):
    """Whether streams that break after their first content go on elsewhere; as the REST API spells it."""

    OFF = "off"
    AUTO = "auto"


class Secret:
    """An upstream credential that can't be printed, formatted or pickled by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The plaintext, for the one line that puts it into an upstream request."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(****)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret does not leave its process")


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A caller's own key for a provider, and whether the system's may be used when it is refused."""

    secret: Secret
    may_fall_back: bool


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What follows from errors of one `kind` (of `engine/core/failures.py`) in a group; None: as in the core's table.

    `here` is the most retries of a request after such an error. `elsewhere`: others may be asked, too; without it,
    retries come first, and then nobody is asked. A retry waits at least `wait_s`.
    """

    kind: str
    here: int | None = None
    elsewhere: bool | None = None
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries at deployments that were asked before, moves between tiers and groups, and time limits of one attempt.

    `timeout_s` limits one attempt at a whole answer, `first_token_timeout_s` (None: FIRST_TOKEN_S, or `timeout_s` if
    that is less) the wait for the first token of a stream, `stream_idle_timeout_s` the silence between two events of
    it. `total_timeout_s` (None: TOTAL_S, or twice `timeout_s` if that is more) is for the whole request, up to the
    first token of a stream. `max_fallbacks` limits the moves to a next tier or group. A Retry-After of more than
    `retry_after_max_s` is not waited for. `retry_budget` is the share of a provider's traffic that may be retries.
    `by_error` changes what follows from an error.
    """

    num_retries: int = 2
    retry_after_s: float = 0.0
    max_fallbacks: int = 5
    timeout_s: float = 60.0
    first_token_timeout_s: float | None = None
    stream_idle_timeout_s: float = 30.0
    retry_after_max_s: float = 5.0
    retry_budget: float = 0.2
    by_error: tuple[ErrorRule, ...] = ()
    total_timeout_s: float | None = None

    def limit_s(self, *, is_stream: bool) -> float:
        """The longest wait for a whole answer, or for the first token of a stream."""
        if not is_stream:
            return self.timeout_s
        return min(self.timeout_s, FIRST_TOKEN_S) if self.first_token_timeout_s is None else self.first_token_timeout_s

    @property
    def total_s(self) -> float:
        """The longest time until an answer, or the first token of a stream, over all attempts and waits."""
        return max(TOTAL_S, 2 * self.timeout_s) if self.total_timeout_s is None else self.total_timeout_s


@dataclass(frozen=True, slots=True)
class CooldownPolicy:
    """When a failing deployment cools down, and for how long.

    `cooldown_time_s=None` means `first_s`, doubled up to `longest_s`, or the upstream's own Retry-After up to
    `retry_after_cap_s`; a number overrides all of them, and 0 switches cooldowns off. `allowed_fails` N means failure
    N+1 within a minute. `consecutive_failures` in a row, or more than `failure_rate` of the requests of a minute, start
    a cooldown too; where neither is set, they do so only without `allowed_fails` (`engine/core/breaker.py` has their
    defaults). A group's last deployment cools down for at most `last_deployment_s`. LiteLLM's Router has
    DEFAULT_COOLDOWN_S and rules of its own.
    """

    cooldown_time_s: float | None = None
    allowed_fails: int | None = None
    first_s: float = 2.0
    longest_s: float = 60.0
    failure_rate: float | None = None
    consecutive_failures: int | None = None
    retry_after_cap_s: float = 300.0
    last_deployment_s: float = 5.0


@dataclass(frozen=True, slots=True)
class FallbackPolicy:
    """The names of the groups to try, in order, when this group has failed."""

    groups: tuple[str, ...] = ()
    context_window_groups: tuple[str, ...] = ()
    content_policy_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StickyPolicy:
    """The requests of a conversation go to the deployment that answered it last, up to `ttl_s` after that answer.

    A conversation is known `by` the caller's `key`, `user`, `session` or `prefix` (its first messages), or by
    `header:NAME`.
    """

    by: str
    ttl_s: float = STICKY_S


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """A second candidate is asked beside one that has not begun `after_ms` (None: what 95 % of the answers of that
    deployment took to begin, as measured). At most a share of `budget` of a group's requests ask twice.
    """

    after_ms: float | None = None
    budget: float = HEDGE_BUDGET


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """One place that serves a model, inside a group.

    `deployment_id` is the catalog's model id. `provider_type` is a LiteLLM provider name, `upstream_model` the
    provider's name of the model. `problem`, if set, says why this deployment can't be called at all (for people); it is
    then skipped, because it `lacks_credentials` or for another reason. `options` and `credentials` are LiteLLM's
    further parameters, by its own names (`api_version`, `aws_secret_access_key`). `dialects` are spoken without LiteLLM
    (`chat`, `messages`, `responses`); with none of them its type decides, and `litellm` alone means LiteLLM. `unit` is
    what is charged besides tokens (`search`, `image`, …), at `cost_per_unit_usd` each. An unknown price of cached input
    (reads or writes of the prompt cache) is that of other input. Its context holds `context_tokens` (None: nobody
    knows). Its answers have at most `max_output_tokens` (None: nobody knows). `base_model` is the well-known name of
    the model behind a name of one's own. Each request to it has `extra_headers` (in lower case) and the fields of
    `extra_body`, which win over the client's. `unsupported` is its group's rule for parameters that it can't take. Its
    model `prefills` when it goes on with an answer that the request begins. `limit_name` (`max_tokens` or
    `max_completion_tokens`) and `system_role` (`system` or `developer`) are the only names that its model takes in a
    chat; "" where both are fine, or nobody knows. It takes `max_parallel` requests at once; one more waits up to
    `max_wait_s` for a place. Its `capacity` and the `region` that it is in ("" where nobody knows) are for rehearsals.
    """

    deployment_id: str
    name: str
    provider: str
    provider_type: str
    upstream_model: str
    api_base: str | None = None
    api_key: Secret | None = None
    priority: int | None = None
    weight: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    context_tokens: int | None = None
    max_parallel: int | None = None
    max_wait_s: float | None = None
    input_cost_per_token_usd: float | None = None
    output_cost_per_token_usd: float | None = None
    cached_input_cost_per_token_usd: float | None = None
    cache_write_cost_per_token_usd: float | None = None
    unit: str = ""
    cost_per_unit_usd: float | None = None
    provider_id: str = ""
    problem: str | None = None
    lacks_credentials: bool = False
    options: tuple[tuple[str, str], ...] = ()
    credentials: tuple[tuple[str, Secret], ...] = ()
    dialects: frozenset[str] = frozenset()
    unsupported: Unsupported = Unsupported.DROP
    max_output_tokens: int | None = None
    base_model: str = ""
    limit_name: str = ""
    system_role: str = ""
    prefills: bool = False
    capacity: Capacity | None = None
    region: str = ""
    extra_headers: tuple[tuple[str, str], ...] = ()
    extra_body: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def known_as(self) -> str:
        """The name by which rules for a model's parameters go: a deployment of one's own has another."""
        return self.base_model or self.upstream_model

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All secrets, which must not appear in any text."""
        return (*((self.api_key,) if self.api_key else ()), *(secret for _, secret in self.credentials))

    def cost_usd(
        self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0, cache_write_tokens: int = 0
    ) -> float | None:
        """The cost of an answer of this size, or None if a price is unknown.

        `cached_tokens` (read from the prompt cache) and `cache_write_tokens` (written to it) are parts of
        `input_tokens`, reasoning tokens a part of `output_tokens`.
        """
        plain, output = self.input_cost_per_token_usd, self.output_cost_per_token_usd
        if plain is None or output is None:
            return None
        cached, written = self.cached_input_cost_per_token_usd, self.cache_write_cost_per_token_usd
        return (
            (input_tokens - cached_tokens - cache_write_tokens) * plain
            + cached_tokens * (plain if cached is None else cached)
            + cache_write_tokens * (plain if written is None else written)
            + output_tokens * output
        )


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """One routing group as the engine needs it. `revision` grows with each change; None for a lone model.

    `streams_upstream`: upstreams are asked for streams although the callers of chats did not ask for one. `sticky`:
    conversations stay at the deployment that answered them last. `rescues`: a stream that breaks after its first
    content goes on at the same deployment or another one. `hedge`: a second candidate is asked beside a slow one.
    """

    group_id: str
    name: str
    strategy: Strategy
    deployments: tuple[DeploymentSpec, ...]
    revision: int | None = 1
    retry: RetryPolicy = RetryPolicy()
    cooldown: CooldownPolicy = CooldownPolicy()
    fallback: FallbackPolicy = FallbackPolicy()
    router: Router = Router.NATIVE
    streams_upstream: bool = False
    sticky: StickyPolicy | None = None
    rescues: bool = False
    hedge: HedgePolicy | None = None

    @property
    def tiers(self) -> tuple[int, ...]:
        """The priorities in use, lowest (tried first) first; a group without priorities has one tier."""
        return tuple(sorted({self.tier_of(d) for d in self.deployments}))

    def tier_of(self, deployment: DeploymentSpec) -> int:
        """The tier of a deployment: its priority under priority-failover, else 1."""
        if self.strategy is not Strategy.PRIORITY_FAILOVER:
            return 1
        return deployment.priority or 1
