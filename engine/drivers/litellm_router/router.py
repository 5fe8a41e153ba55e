"""GroupSpec -> LiteLLM's Router, whose last step, the call itself, is ours.

One router per group, because LiteLLM de-duplicates strategy selectors by class and lets every router's
callbacks see every request. LiteLLM keeps callbacks in global lists (of at most 100 entries); ours are taken
out right after construction, and each attempt reports to the one router that made it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from functools import cache
from typing import Any

import litellm
from litellm.router_utils.cooldown_handlers import set_cooldown_deployments
from litellm.types.router import RouterRateLimitError

from engine.drivers import attempt_ledger, retry_after
from engine.drivers.litellm_router import exclusions
from engine.drivers.litellm_router.cooldowns import RouterCooldowns
from engine.drivers.litellm_router.reports import GROUP, Report
from engine.drivers.litellm_router.translation import from_litellm, own_limit, to_litellm
from engine.drivers.retry_after import Place
from engine.exceptions import NoneFree, Unsuitable
from engine.ledger import Trace
from engine.spec import DEFAULT_COOLDOWN_S, DeploymentSpec, GroupSpec, RetryPolicy, Strategy
from engine.upstreams import failures
from engine.upstreams.call import CHAT, Answer, Call, Stream
from engine.upstreams.choose import obstacle, spoken_with, upstream_for
from engine.upstreams.own_keys import OwnKeyRefused, is_hopeless, key_for, may_fall_back, was_refused, with_key

litellm.suppress_debug_info = True
CACHE_KEYS = 20_000
NATIVE_STRATEGY = {
    Strategy.PRIORITY_FAILOVER: "simple-shuffle",
    Strategy.WEIGHTED: "simple-shuffle",
}
# Cost-based routing takes a price of 0 as unknown, which it believes to be the most expensive.
FREE_USD = 1e-18
_building = threading.Lock()
GLOBAL_LISTS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_success_callback",
    "_async_failure_callback",
)


class GroupRouter(litellm.Router):
    """LiteLLM's router for one group: its selection, retries, tiers and cooldowns; our leaf and ledger."""

    def __init__(self, spec: GroupSpec) -> None:
        self.spec = spec
        kept = tiers_within_limit(spec)
        self.by_router_id = {router_id(spec, d): d for d in kept}
        self._tier_rank = {tier: rank for rank, tier in enumerate(spec.tiers)}
        # One at a time: a new router is told apart by what it adds to LiteLLM's global lists.
        with _building:
            self.selectors = self._build(spec, kept)
        self.cache.in_memory_cache.max_size_in_memory = CACHE_KEYS
        self.cooling = RouterCooldowns(self)
        self._served: dict[str, set[str]] = {}  # the endpoints that each deployment has answered
        is_limited = any(d.rpm is not None or d.tpm is not None for d in kept)
        self.counts_usage = spec.strategy is Strategy.USAGE_BASED and is_limited
        for selector in self.selectors:
            if hasattr(selector, "cancel_sync_task"):
                selector.cancel_sync_task()

    def _build(self, spec: GroupSpec, kept: tuple[DeploymentSpec, ...]) -> list[Any]:
        """LiteLLM's own construction; gives the strategy selectors it has put into the global lists."""
        before = {name: list(getattr(litellm, name)) for name in GLOBAL_LISTS}
        super().__init__(
            model_list=[_model_row(spec, d) for d in kept],
            routing_strategy=NATIVE_STRATEGY.get(spec.strategy, spec.strategy.value),
            enable_weighted_failover=spec.strategy is Strategy.WEIGHTED,
            num_retries=spec.retry.num_retries,
            retry_after=spec.retry.retry_after_s,
            timeout=spec.retry.timeout_s,
            max_fallbacks=spec.retry.max_fallbacks if spec.strategy is Strategy.WEIGHTED else len(kept) + 1,
            cooldown_time=DEFAULT_COOLDOWN_S,
        )
        return _take_out_callbacks(before)

    async def complete(self, call: Call) -> Answer | Stream:
        """One request through the group: LiteLLM's retries and tier fallbacks around `_acompletion`.

        Raises UpstreamFailure or RequestFailed.
        """
        found = [obstacle(call, row) for row in self.by_router_id.values()]
        if found and found[0] is not None and None not in found:
            raise Unsuitable(found[0].param, found[0].message, found[0].code)
        call.leaves_filtered = bool(self.spec.fallback.content_policy_groups)
        try:
            return await self.async_function_with_fallbacks(  # type: ignore[no-any-return]
                model=GROUP,
                messages=call.chat.get("messages", []) if self._counts_tokens else [],
                original_function=self._acompletion,
                metadata={"model_group": GROUP},
                litellm_trace_id=call.trace.call_id,
                call=call,
            )
        except RouterRateLimitError as error:
            # What this very request ran into says more than that everything now cools down because of it.
            wait_s, why = float(error.cooldown_time or 1), self.cooling.hindrances()
            raise call.last_error or NoneFree(self.spec.name, wait_s, why) from None
        except Exception as error:
            raise from_litellm(error) from None

    @property
    def _counts_tokens(self) -> bool:
        """Whether selection looks at the size of the messages, which costs time to count."""
        return any(d.tpm for d in self.by_router_id.values())

    async def _acompletion(self, model: str, messages: list[Any], **kwargs: Any) -> Answer | Stream:
        """One attempt. LiteLLM's own method of this name ends in `litellm.acompletion`; ours in an upstream."""
        call: Call = kwargs["call"]
        if hopeless := [name for name, d in self.by_router_id.items() if self._is_hopeless(call, d)]:
            kwargs["_retry_skipped_deployment_ids"] = tuple(hopeless)
        exclusions.note(self, call.journey)
        row = await self.async_get_available_deployment(model=model, messages=messages, request_kwargs=kwargs)
        self._update_kwargs_with_deployment(deployment=row, kwargs=kwargs)
        try:
            return await self._attempt(call, row)
        except Exception as error:
            call.last_error = error
            theirs = self._noted(call, self.by_router_id[row["model_info"]["id"]], error)
            self._set_deployment_num_retries_on_exception(theirs, row)
            self._stamp_failed_deployment_id_with_effective_model_info(theirs, row, kwargs)
            # Not from the failure, which it carries: that is raised again from it, and would be its own cause.
            raise theirs from None

    async def _attempt(self, call: Call, row: dict[str, Any]) -> Answer | Stream:
        """One try, with the caller's own key where there is one, and again with the system's if that is allowed."""
        deployment = self.by_router_id[row["model_info"]["id"]]
        if (found := obstacle(call, deployment)) is not None:
            raise failures.unsuitable(found.message)
        if is_hopeless(call, deployment):
            raise OwnKeyRefused(deployment, call.refused_keys[deployment.provider_id])
        if (key := key_for(call, deployment)) is None:
            return await self._try(call, row, deployment)
        try:
            return await self._try(call, row, with_key(deployment, key), own_key=True)
        except Exception as error:
            if not was_refused(call, deployment, error):
                raise
            if not may_fall_back(call, key):
                raise OwnKeyRefused(deployment, error) from error
        return await self._try(call, row, deployment)

    def _is_hopeless(self, call: Call, deployment: DeploymentSpec) -> bool:
        if is_hopeless(call, deployment) or retry_after.is_used_up(call, self.spec, deployment):
            return True
        return obstacle(call, deployment) is not None

    def _noted(self, call: Call, deployment: DeploymentSpec, error: Exception) -> Exception:
        """LiteLLM's exception for a failure: it is not worth a retry where the same key would be refused again."""
        retry_after.note(call, self.spec, deployment, error)
        theirs = to_litellm(error)
        is_refused = isinstance(error, OwnKeyRefused) or retry_after.is_used_up(call, self.spec, deployment)
        if is_refused and not self._has_hope(call, deployment):
            theirs.num_retries = 0  # type: ignore[attr-defined]
        return theirs

    def _has_hope(self, call: Call, deployment: DeploymentSpec) -> bool:
        """Whether another deployment of its tier may still do."""
        tier = self.spec.tier_of(deployment)
        return any(self.spec.tier_of(d) == tier and not self._is_hopeless(call, d) for d in self.by_router_id.values())

    async def _try(
        self, call: Call, row: dict[str, Any], deployment: DeploymentSpec, *, own_key: bool = False
    ) -> Answer | Stream:
        depth = call.depth + self._tier_rank[self.spec.tier_of(deployment)]
        attempt = attempt_ledger.begun(self.spec, deployment, depth)
        report = Report(self, row, call, attempt, deployment)
        try:
            # Until here nobody was asked: what fails is a skip, and no attempt.
            await self.async_routing_strategy_pre_call_checks(row, None)
            if deployment.problem:
                raise failures.unusable(deployment)
            call.trace.begin(attempt)
            call.asked = deployment
            report.started()
            # Not before: a rate limit of ours is no refusal of the key.
            attempt.own_key = own_key
            upstream = call.upstream or upstream_for(deployment, call.endpoint)
            attempt.dialect = spoken_with(call, deployment)
            result = await upstream.send(call, deployment, self.spec.retry, attempt)
            if isinstance(result, Answer) and result.is_content_filtered and call.leaves_filtered:
                raise failures.blocked(deployment)
        except Exception as error:
            served: set[str] = self._served.get(deployment.deployment_id, set())
            theirs = attempt_ledger.about_the_endpoint(call, deployment, served, error)
            await report.failed(theirs)
            if theirs is error:
                raise
            raise theirs from error
        except BaseException as error:
            await report.failed(error)
            raise
        self._served.setdefault(deployment.deployment_id, set()).add(call.service)
        if isinstance(result, Answer):
            await report.succeeded(result.usage)
        else:
            result.asked = call.chat
            report.follow(result)
        return result

    async def async_routing_strategy_pre_call_checks(
        self, deployment: dict[str, Any], parent_otel_span: Any, logging_obj: Any = None
    ) -> None:
        """Rate limits of our own (usage-based routing), asked of this router's selectors only."""
        for selector in self.selectors:
            try:
                await selector.async_pre_call_check(deployment, parent_otel_span)
            except litellm.RateLimitError as error:
                failure = own_limit(error)
                set_cooldown_deployments(
                    litellm_router_instance=self,
                    exception_status=error.status_code,
                    original_exception=error,
                    deployment=deployment["model_info"]["id"],
                    time_to_cooldown=self.cooldown_time,
                )
                raise failure from error

    async def increment_deployment_usage_for_response(self, response: Any, request_kwargs: dict[str, Any]) -> None:
        """Nothing: nobody reads this count here, and it took a third of a request's time."""

    async def set_response_headers(self, response: Any, model_group: Any = None, request_kwargs: Any = None) -> Any:
        """Nothing: our headers are counted from the ledger."""
        return response

    async def cooldowns(self) -> dict[str, float]:
        """Deployments that are left alone now, with the seconds they still have to go."""
        active = await self.cooldown_cache.async_get_active_cooldowns(
            model_ids=list(self.by_router_id), parent_otel_span=None
        )
        now = time.time()
        left = {key: value["timestamp"] + value["cooldown_time"] - now for key, value in active}
        return {self.by_router_id[key].deployment_id: max(0.0, seconds) for key, seconds in left.items()}

    def cooling_until_s(self) -> dict[Place, float]:
        """Group and deployment of each cooldown, with its end in Unix seconds."""
        return {(self.spec.name, c.deployment.deployment_id): c.until_s for c in self.cooling.active()}

    def candidates(self) -> set[Place]:
        """Group and deployment of all that can be asked."""
        return {
            (self.spec.name, deployment.deployment_id)
            for deployment in self.by_router_id.values()
            if not deployment.problem and (self.spec.strategy is not Strategy.WEIGHTED or deployment.weight)
        }

    def close(self) -> None:
        """Lets go of everything LiteLLM keeps about this router in global places."""
        self.discard()


@cache
def warm_up() -> None:
    """Pays for LiteLLM's lazy imports (0.3 s for the first failure) before a request has to. Blocks, once."""

    async def fail_once() -> None:
        down = DeploymentSpec("warm-up", "warm-up", "warm-up", "openai", "warm-up", problem="warm-up")
        spec = GroupSpec("warm-up", "warm-up", Strategy.PRIORITY_FAILOVER, (down,), retry=RetryPolicy(0))
        router = GroupRouter(spec)
        with suppress(Exception):
            await router.complete(Call(CHAT, {"messages": []}, Trace("warm-up", "warm-up")))
        router.close()

    asyncio.run(fail_once())


def tiers_within_limit(spec: GroupSpec) -> tuple[DeploymentSpec, ...]:
    """The deployments of the first `max_fallbacks + 1` tiers: LiteLLM's own limit counts nesting, not moves."""
    allowed = set(spec.tiers[: spec.retry.max_fallbacks + 1])
    return tuple(d for d in spec.deployments if spec.tier_of(d) in allowed)


def router_id(spec: GroupSpec, deployment: DeploymentSpec) -> str:
    """Unique per group, revision and deployment, and without the colon that usage-based routing splits on."""
    return f"{spec.group_id}.r{spec.revision or 1}.{deployment.deployment_id}".replace(":", "_")


def _model_row(spec: GroupSpec, deployment: DeploymentSpec) -> dict[str, Any]:
    params: dict[str, Any] = {
        "model": f"openai/{deployment.upstream_model}",
        "api_key": "held by the engine",
        "api_base": deployment.api_base or "http://held-by-the-engine.invalid",
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
        "order": spec.tier_of(deployment) if spec.strategy is Strategy.PRIORITY_FAILOVER else None,
        "weight": deployment.weight if spec.strategy is Strategy.WEIGHTED else None,
    }
    if spec.strategy is Strategy.COST_BASED:
        params["input_cost_per_token"] = _price(deployment.input_cost_per_token_usd)
        params["output_cost_per_token"] = _price(deployment.output_cost_per_token_usd)
    info = {
        "id": router_id(spec, deployment),
        "allowed_fails": spec.cooldown.allowed_fails,
        "cooldown_time": spec.cooldown.cooldown_time_s,
    }
    return {"model_name": GROUP, "litellm_params": _given(params), "model_info": _given(info)}


def _price(usd: float | None) -> float | None:
    return None if usd is None else max(usd, FREE_USD)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _take_out_callbacks(before: dict[str, list[Any]]) -> list[Any]:
    """Restores LiteLLM's global lists; returns the strategy selectors the new router had put there."""
    added = [c for c in litellm.callbacks if not any(c is old for old in before["callbacks"])]
    for name, content in before.items():
        getattr(litellm, name)[:] = content
    return added
