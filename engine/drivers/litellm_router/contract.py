"""What this driver needs of LiteLLM's Router beyond its documented interface, and what of that is not there.

LiteLLM 1.110 has another Router under the same name: without this list, a group would fail at its first request, or
route without cooldowns and say nothing. Nothing of LiteLLM is imported until somebody asks.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache, reduce
from importlib import import_module

from engine.exceptions import GroupUnavailable


@dataclass(frozen=True, slots=True)
class Need:
    """A name in a module of LiteLLM, the parameters that it is called with, and what it is for."""

    module: str
    name: str
    purpose: str
    parameters: tuple[str, ...] = ()


class NoRouter(GroupUnavailable):
    """The installed LiteLLM has no Router that can be driven; `missing` says what is not there, for people."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(
            f"LiteLLM's Router cannot be used: the installed LiteLLM lacks {len(missing)} of the {len(NEEDS)} things "
            "that are needed of it. Choose Routing Console's router, or install LiteLLM 1.106."
        )


ROUTER, COOLDOWNS = "litellm.router", "litellm.router_utils.cooldown_cache"
NEEDS = (
    Need(
        ROUTER,
        "Router.__init__",
        "a group's settings",
        (
            *("model_list", "routing_strategy", "enable_weighted_failover", "num_retries", "retry_after"),
            *("timeout", "max_fallbacks", "cooldown_time"),
        ),
    ),
    Need(ROUTER, "Router.async_function_with_fallbacks", "one request, with retries and tiers"),
    Need(ROUTER, "Router._acompletion", "one attempt, which is ours to make", ("model", "messages")),
    Need(
        ROUTER,
        "Router.async_get_available_deployment",
        "the choice of a deployment",
        ("model", "request_kwargs", "messages"),
    ),
    Need(ROUTER, "Router._update_kwargs_with_deployment", "a chosen deployment's limits", ("deployment", "kwargs")),
    Need(ROUTER, "Router._set_deployment_num_retries_on_exception", "retries after a failure"),
    Need(
        ROUTER,
        "Router._stamp_failed_deployment_id_with_effective_model_info",
        "the deployment that a failure counts against",
    ),
    Need(
        ROUTER,
        "Router.async_routing_strategy_pre_call_checks",
        "rpm and tpm, asked of this router alone",
        ("deployment", "parent_otel_span", "logging_obj"),
    ),
    Need(ROUTER, "Router.increment_deployment_usage_for_response", "a count that is left out"),
    Need(ROUTER, "Router.set_response_headers", "headers that are left out", ("response", "model_group")),
    Need(ROUTER, "Router.deployment_callback_on_failure", "the failures that lead to a cooldown"),
    Need(ROUTER, "Router.discard", "the end of a router"),
    Need(
        COOLDOWNS,
        "CooldownCache.add_deployment_to_cooldown",
        "the beginning of a cooldown",
        ("model_id", "original_exception", "cooldown_time"),
    ),
    Need(COOLDOWNS, "CooldownCache.async_get_active_cooldowns", "who cools down", ("model_ids", "parent_otel_span")),
    Need(COOLDOWNS, "CooldownCache.get_cooldown_cache_key", "the end of a cooldown by hand"),
    Need(COOLDOWNS, "CooldownCache.cooldown_store", "the end of a cooldown by hand"),
    Need(
        "litellm.router_utils.cooldown_handlers",
        "set_cooldown_deployments",
        "a cooldown after a limit of our own",
        ("litellm_router_instance", "exception_status", "original_exception", "deployment", "time_to_cooldown"),
    ),
    Need(
        "litellm.router_utils.router_callbacks.track_deployment_metrics",
        "increment_deployment_successes_for_current_minute",
        "the share of failures that leads to a cooldown",
        ("litellm_router_instance", "deployment_id"),
    ),
    Need("litellm.types.router", "RouterRateLimitError", "the end of a request when all cool down"),
    *(
        Need("litellm", name, "which callbacks a new router adds")
        for name in (
            *("callbacks", "input_callback", "success_callback", "failure_callback"),
            *("_async_success_callback", "_async_failure_callback"),
        )
    ),
    *(
        Need("litellm", name, "what a failure means to LiteLLM")
        for name in (
            *("APIError", "AuthenticationError", "BadGatewayError", "BadRequestError", "ContentPolicyViolationError"),
            *("ContextWindowExceededError", "InternalServerError", "NotFoundError", "RateLimitError"),
            *("ServiceUnavailableError", "Timeout"),
        )
    ),
)


@cache
def check() -> None:
    """Raises NoRouter unless the installed LiteLLM has all that is needed. Imports LiteLLM: that blocks for seconds."""
    if absent := missing():
        raise NoRouter(absent)


def why_no_router() -> str:
    """The same as a text with all that is missing, for the person who installs LiteLLM; "" where nothing is."""
    try:
        check()
    except NoRouter as error:
        return " ".join((error.message, *error.missing))
    return ""


def missing(needs: tuple[Need, ...] = NEEDS) -> tuple[str, ...]:
    """What is not there, each as a sentence."""
    return tuple(said for need in needs if (said := _problem(need)))


def _problem(need: Need) -> str:
    where = f"{need.module}.{need.name}"
    try:
        found = reduce(getattr, need.name.split("."), import_module(need.module))
    except (ImportError, AttributeError):
        return f"{where} is not there: it gives {need.purpose}."
    if lacking := [name for name in need.parameters if not _takes(found, name)]:
        return f"{where} does not take {', '.join(lacking)}: it gives {need.purpose}."
    return ""


def _takes(function: object, name: str) -> bool:
    if not callable(function):
        return False
    parameters = inspect.signature(function).parameters
    return name in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())
