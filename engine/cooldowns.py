"""Which deployments a router leaves alone, since when, and because of what; and how to end that."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.spec import DeploymentSpec
from engine.upstreams import failures

if TYPE_CHECKING:
    from engine.routers import GroupRouter

# What LiteLLM counts of a deployment. Forgotten with its cooldown, or the next failure would start another.
COUNTERS = ("deployment:{}:allowed_fails:generic", "{}:fails", "{}:successes")


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A deployment that is left alone. Times are Unix seconds; `error` is for people, without secrets."""

    deployment: DeploymentSpec
    error_class: str
    error: str
    since_s: float
    until_s: float


class Cooldowns:
    """Those of one router, beside LiteLLM's cache of them, which forgets the error.

    `begun` counts them: who has seen that number knows of all.
    """

    def __init__(self, router: GroupRouter) -> None:
        self._router = router
        self._latest: dict[str, Cooldown] = {}
        self._add = router.cooldown_cache.add_deployment_to_cooldown
        self.begun = 0
        router.cooldown_cache.add_deployment_to_cooldown = self._begin

    def active(self) -> tuple[Cooldown, ...]:
        """The cooldowns that are not over."""
        now = time.time()
        return tuple(cooldown for cooldown in self._latest.values() if cooldown.until_s > now)

    def end(self, deployment_id: str) -> bool:
        """Takes a deployment back into service, as if nothing had happened; whether it was cooling down."""
        ours = [rid for rid, d in self._router.by_router_id.items() if d.deployment_id == deployment_id]
        for router_id in ours:
            cooldowns = self._router.cooldown_cache
            cooldowns.cooldown_store.delete_cache(cooldowns.get_cooldown_cache_key(router_id))
            for counter in COUNTERS:
                self._router.cache.delete_cache(counter.format(router_id))
        ended = self._latest.pop(deployment_id, None)
        return ended is not None and ended.until_s > time.time()

    def _begin(self, model_id: str, original_exception: Exception, cooldown_time: float | None, **more: Any) -> None:
        """In LiteLLM's place, with its names: `model_id` is the router's id of the deployment, times are seconds."""
        self._add(model_id=model_id, original_exception=original_exception, cooldown_time=cooldown_time, **more)
        deployment, now = self._router.by_router_id[model_id], time.time()
        lasts_s = self._router.cooldown_cache.default_cooldown_time if cooldown_time is None else cooldown_time
        error = failures.message_of(original_exception)
        self._latest[deployment.deployment_id] = Cooldown(
            deployment, type(original_exception).__name__, error, now, now + lasts_s
        )
        self.begun += 1
