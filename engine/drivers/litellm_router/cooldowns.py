"""Which deployments LiteLLM's Router leaves alone, since when, and because of what; and how to end that."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from engine.core.state import DEPLOYMENT, KEY, Trip
from engine.drivers.cooldowns import Cooldown
from engine.drivers.litellm_router.translation import OwnLimit, from_litellm
from engine.exceptions import Hindrance
from engine.ledger import Attempt
from engine.spec import DeploymentSpec
from engine.upstreams import failures

if TYPE_CHECKING:
    from engine.drivers.litellm_router.router import GroupRouter

# What LiteLLM counts of a deployment. Forgotten with its cooldown, or the next failure would start another.
COUNTERS = ("deployment:{}:allowed_fails:generic", "{}:fails", "{}:successes")
# LiteLLM looks back a minute; and so many failures say enough.
WINDOW_S = 60.0
MOST_FAILURES = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt: when, how in a word, and in which request."""

    at_s: float
    word: str
    call_id: str


class RouterCooldowns:
    """Those of one router, beside LiteLLM's cache of them, which forgets the error.

    `begun` counts them: who has seen that number knows of all. `until_s` is when the last of them ends, as far as
    nobody ended it before.
    """

    def __init__(self, router: GroupRouter) -> None:
        self._router = router
        self._latest: dict[str, Cooldown] = {}
        self._add = router.cooldown_cache.add_deployment_to_cooldown
        self._failures: dict[str, deque[Failure]] = {}
        self._tripped: Mapping[str, Trip] = {}
        self.begun = 0
        self.until_s = 0.0
        router.cooldown_cache.add_deployment_to_cooldown = self._begin

    def active(self) -> tuple[Cooldown, ...]:
        """The cooldowns that are not over."""
        now = time.time()
        return tuple(cooldown for cooldown in self._latest.values() if cooldown.until_s > now)

    def hindrances(self) -> list[Hindrance]:
        """Why nobody can be asked: one for each deployment that cools down; COOLING where none is known."""
        return [_hindrance(cooldown) for cooldown in self.active()] or [Hindrance.COOLING]

    def failed(self, attempt: Attempt, error: BaseException, call_id: str) -> None:
        """A failure of a deployment, told before LiteLLM hears of it: it may begin a cooldown."""
        noted = self._failures.setdefault(attempt.deployment_id, deque(maxlen=MOST_FAILURES))
        noted.append(Failure(time.time(), failures.word_of(error), call_id))

    def end(self, deployment_id: str) -> bool:
        """Takes a deployment back into service, as if nothing had happened; whether it was cooling down."""
        ours = [rid for rid, d in self._router.by_router_id.items() if d.deployment_id == deployment_id]
        for router_id in ours:
            cooldowns = self._router.cooldown_cache
            cooldowns.cooldown_store.delete_cache(cooldowns.get_cooldown_cache_key(router_id))
            for counter in COUNTERS:
                self._router.cache.delete_cache(counter.format(router_id))
        self._failures.pop(deployment_id, None)
        ended = self._latest.pop(deployment_id, None)
        return ended is not None and ended.until_s > time.time()

    def trip(self, tripped: Mapping[str, Trip]) -> None:
        """What people have stopped by hand, by the names of breakers, in place of what was before. Unix seconds."""
        before, self._tripped = self._tripped, tripped
        for router_id, deployment in self._router.by_router_id.items():
            wanted = self._trip_of(deployment, tripped)
            if wanted == self._trip_of(deployment, before):
                continue
            self.end(deployment.deployment_id)
            if wanted is not None and (lasts_s := wanted.until_s - time.time()) > 0:
                by_hand = RuntimeError("stopped by hand")
                self._add(model_id=router_id, original_exception=by_hand, exception_status=503, cooldown_time=lasts_s)
                self._note(
                    Cooldown(deployment, "", wanted.why, wanted.since_s, wanted.until_s, wanted.why, is_by_hand=True)
                )

    def forgive(self, breaker: str) -> None:
        """Ends the cooldowns of the deployments behind this breaker, unless they are tripped by hand."""
        for deployment in self._router.by_router_id.values():
            if breaker in _names(deployment) and not self._is_tripped(deployment):
                self.end(deployment.deployment_id)

    def _trip_of(self, deployment: DeploymentSpec, tripped: Mapping[str, Trip]) -> Trip | None:
        """The longest of those that stop it."""
        trips = [tripped[name] for name in _names(deployment) if name in tripped]
        return max(trips, key=attrgetter("until_s"), default=None)

    def _is_tripped(self, deployment: DeploymentSpec) -> bool:
        trip = self._trip_of(deployment, self._tripped)
        return trip is not None and trip.until_s > time.time()

    def _begin(self, model_id: str, original_exception: Exception, cooldown_time: float | None, **more: Any) -> None:
        """In LiteLLM's place, with its names: `model_id` is the router's id of the deployment, times are seconds."""
        deployment, now = self._router.by_router_id[model_id], time.time()
        if self._is_tripped(deployment):
            return
        self._add(model_id=model_id, original_exception=original_exception, cooldown_time=cooldown_time, **more)
        lasts_s = self._router.cooldown_cache.default_cooldown_time if cooldown_time is None else cooldown_time
        cause, call_id = self._cause(deployment.deployment_id, now)
        error = from_litellm(original_exception)
        self._note(
            Cooldown(
                deployment,
                failures.class_of(error),
                failures.message_of(error),
                now,
                now + lasts_s,
                cause,
                call_id,
                isinstance(error, OwnLimit),
            )
        )

    def _note(self, cooldown: Cooldown) -> None:
        self._latest[cooldown.deployment.deployment_id] = cooldown
        self.until_s = max(self.until_s, cooldown.until_s)
        self.begun += 1

    def _cause(self, deployment_id: str, now: float) -> tuple[str, str]:
        """The most frequent failure since a minute ago, or the end of the last cooldown, and the last one's request."""
        before = self._latest.get(deployment_id)
        since_s = max(now - WINDOW_S, before.until_s if before and before.until_s <= now else 0.0)
        noted = [failure for failure in self._failures.get(deployment_id, ()) if failure.at_s >= since_s]
        if not noted:
            return "", ""
        ((word, count),) = Counter(failure.word for failure in reversed(noted)).most_common(1)
        return f"{count}×{word}", noted[-1].call_id


def _names(deployment: DeploymentSpec) -> tuple[str, str]:
    """The breakers that stand before it."""
    return DEPLOYMENT + deployment.deployment_id, KEY + (deployment.provider_id or deployment.deployment_id)


def _hindrance(cooldown: Cooldown) -> Hindrance:
    if cooldown.is_by_hand:
        return Hindrance.STOPPED
    return Hindrance.LIMITED if cooldown.is_own_limit else Hindrance.COOLING
