"""The groups of one process: built, swapped and retired while requests run, and routed through.

A request holds on to the router it began with. Replacing a group switches the reference; the old router is
closed when its last request, or stream, has ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from engine.core.failures import Kind
from engine.core.state import Group, RoutingState, Trip
from engine.drivers import retry_after, serving
from engine.drivers.compiling import compiled, wish_of
from engine.drivers.cooldowns import CoreCooldowns
from engine.drivers.litellm_router.contract import NoRouter
from engine.drivers.open_breakers import OpenBreaker, open_breakers, open_for_litellm
from engine.exceptions import (
    MAY_WAIT,
    STATUS_FOR_CLIENT,
    DeadlineExceeded,
    GroupUnavailable,
    NoneFree,
    RequestFailed,
)
from engine.shared.local import LocalStore
from engine.shared.store import StateStore
from engine.skips import EVERYTHING, Visit, end_of, skipped_in
from engine.spec import DeploymentSpec, GroupSpec, Router
from engine.upstreams import failures, litellm_import
from engine.upstreams.call import Answer, Call, Stream
from engine.upstreams.choose import needs_litellm
from engine.upstreams.own_keys import OwnKeyRefused, hopeless
from engine.upstreams.upstream_failure import UpstreamFailure, status_and_code

if TYPE_CHECKING:
    from engine.drivers.litellm_router.cooldowns import RouterCooldowns
    from engine.drivers.litellm_router.router import GroupRouter


class LiveGroup:
    """One group, with LiteLLM's router where it asks for that. `problem` is why it cannot route at all."""

    def __init__(self, spec: GroupSpec) -> None:
        self.spec = spec
        self.visit = Visit.of(spec)
        self.problem: str | None = None
        self.router: GroupRouter | None = None
        self._core: Group | None = None
        self._in_flight = 0
        self._is_retired = False
        self._tripped: Mapping[str, Trip] = {}
        if not spec.deployments:
            self.problem = f"'{spec.name}' has no usable deployment: enable a provider and model of it, or add one."
        elif spec.router is Router.LITELLM:
            self._build_router(spec)

    def _build_router(self, spec: GroupSpec) -> None:
        try:
            self.router = litellm_import.driver().GroupRouter(spec)
            self.router.cooling.trip(self._tripped)
        except NoRouter as missing:
            self.problem = missing.message
        except Exception:  # LiteLLM raises what it likes, in its own words
            self.problem = f"'{spec.name}' cannot be built. Check its strategy, weights, prices and limits."

    async def complete(self, call: Call) -> Answer | Stream:
        """One request through this group alone; raises UpstreamFailure or RequestFailed."""
        if self.router is None and not self.problem:
            self._build_router(self.spec)  # the fallback group of one that LiteLLM's Router routes
        if self.router is None:
            raise GroupUnavailable(self.problem or "unavailable")
        self._in_flight += 1
        try:
            result = await self.router.complete(call)
        except BaseException:
            self._left()
            raise
        if isinstance(result, Stream):
            self._hold_until_end(result)
        else:
            self._left()
        return result

    def core(self, state: RoutingState) -> Group:
        """The group as the core sees it, over the state of its deployments."""
        if self._core is None:
            self._core = compiled(self.spec, state)
        return self._core

    @property
    def cooling(self) -> RouterCooldowns | CoreCooldowns | None:
        """Its cooldowns; None before it is in service, and when it cannot route."""
        if self.router is not None:
            return self.router.cooling
        return None if self._core is None else CoreCooldowns(self._core)

    def trip(self, tripped: Mapping[str, Trip]) -> None:
        """What people have stopped by hand, for LiteLLM's Router, which has no breakers of the core."""
        self._tripped = tripped
        if self.router is not None:
            self.router.cooling.trip(tripped)

    async def cooldowns(self) -> dict[str, float]:
        """Deployments that cool down now, with the seconds they have left."""
        if self.router is not None:
            return await self.router.cooldowns()
        now, cooling = time.time(), self.cooling
        return {c.deployment.deployment_id: c.until_s - now for c in cooling.active()} if cooling else {}

    def retire(self) -> None:
        """No new requests come; closes the router now or when the last request has ended."""
        self._is_retired = True
        self._close_when_idle()

    def _hold_until_end(self, stream: Stream) -> None:
        report = stream.on_end

        async def on_end(error: BaseException | None) -> None:
            try:
                if report is not None:
                    await report(error)
            finally:
                self._left()

        stream.on_end = on_end

    def _left(self) -> None:
        self._in_flight -= 1
        self._close_when_idle()

    def _close_when_idle(self) -> None:
        if self._is_retired and not self._in_flight and self.router is not None:
            self.router.close()
            self.router = None


class Routing:
    """Every group of this process by name, and what is known of their deployments, here and in other processes."""

    def __init__(self, rng: Random | None = None, store: StateStore | None = None) -> None:
        self._groups: dict[str, LiveGroup] = {}
        self._cores: dict[str, Group] = {}
        self._state = RoutingState()
        self._store: StateStore = store or LocalStore()
        self._store.attach(self._state)
        self._tripped: Mapping[str, Trip] = {}
        self._rng = rng or Random()  # noqa: S311  # no secret is drawn from it

    def __iter__(self) -> Iterator[LiveGroup]:
        return iter(self._groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    def get(self, name: str) -> LiveGroup | None:
        return self._groups.get(name)

    async def put(self, spec: GroupSpec) -> None:
        """Adds or replaces a group. What it needs of LiteLLM is imported and built in threads: no request waits for
        it, but those that go through LiteLLM."""
        if needs_litellm(spec):
            litellm_import.begin()
        self.add(await asyncio.to_thread(build, spec) if spec.router is Router.LITELLM else LiveGroup(spec))

    def add(self, group: LiveGroup) -> None:
        """Adds or replaces a group that has been built."""
        spec = group.spec
        if (known := self._groups.get(spec.name)) is not None:
            self._forgive(known.spec, spec)
        self._cores[spec.name] = group.core(self._state)
        asked = [target.key for target in self._cores[spec.name].targets()]
        self._state.adopt(spec.name, asked, wish_of(spec))
        before, self._groups[spec.name] = self._groups.get(spec.name), group
        group.trip(self._tripped)
        if before is not None:
            before.retire()

    def trip(self, trips: Mapping[str, Trip]) -> None:
        """What people have stopped by hand, by the names of breakers: no group asks it before its time is over.

        What is not among them any more is back in service at once. Unix seconds.
        """
        if trips == self._tripped:
            return
        now = asyncio.get_running_loop().time()
        ahead_s, before, known = now - time.time(), self._tripped, self._state.trips
        self._tripped = dict(trips)
        here = {
            name: known[name]
            if before.get(name) == trip
            else replace(trip, since_s=trip.since_s + ahead_s, until_s=trip.until_s + ahead_s)
            for name, trip in trips.items()
        }
        self._state.trip(here, now)
        for group in self._groups.values():
            group.trip(self._tripped)

    def forgive(self, breaker: str) -> None:
        """Takes what is behind this breaker back into service, unless it is tripped by hand."""
        if (found := self._state.breaker(breaker)) is not None:
            found.forgive(asyncio.get_running_loop().time())
        for router in (group.router for group in self._groups.values() if group.router is not None):
            router.cooling.forgive(breaker)

    def open_breakers(self) -> list[OpenBreaker]:
        """All that are open or half-open in groups that heed them, and those that are tripped by hand."""
        routed = [(group.spec, group.router) for group in self._groups.values() if group.router is not None]
        theirs = ((spec, cooldown) for spec, router in routed for cooldown in router.cooling.active())
        return [*open_breakers(self._state, self._cores), *open_for_litellm(theirs)]

    def _forgive(self, before: GroupSpec, after: GroupSpec) -> None:
        """Deployments with another key or address are tried at once: what failed there was another one."""
        old = {row.deployment_id: _how_it_is_called(row) for row in before.deployments}
        for row in after.deployments:
            health = self._state.healths().get(row.deployment_id)
            if health is not None and old.get(row.deployment_id, ()) != _how_it_is_called(row):
                now = asyncio.get_running_loop().time()
                health.breaker.forgive(now)
                health.provider.breaker.forgive(now)

    def remove(self, name: str) -> None:
        """Takes a group out; its requests in flight end undisturbed."""
        if (group := self._groups.pop(name, None)) is not None:
            group.retire()
            del self._cores[name]
            self._state.forget(name)

    async def route(self, call: Call, group: LiveGroup) -> Answer | Stream:
        """One request through a group and, when it fails, its fallback groups; raises RequestFailed.

        Afterwards the trace says who was skipped.
        """
        end: float | None = None
        try:
            if group.spec.router is Router.NATIVE and not group.problem:
                return await serving.route(self._cores, group.core(self._state), call, self._rng, self._store)
            return await self._try_within_its_time(call, group)
        except RequestFailed as failure:
            end = _end_after(failure, call)
            raise self._with_wait(failure, call) from None
        except Exception as error:
            end = _end_after(error, call)
            raise self._with_wait(failure_of(error), call) from error
        finally:
            if call.journey.visits and (end is not None or not call.journey.is_plain(call.trace)):
                end = end_of(call.trace) if end is None else end
                call.trace.skipped = skipped_in(call.trace, call.journey, end=end, refused_providers=hopeless(call))

    def _with_wait(self, failure: RequestFailed, call: Call) -> RequestFailed:
        """The failure with the soonest moment of all who were tried or cool down, wherever waiting helps."""
        groups = [self._groups.get(visit.spec.name) for visit in call.journey.visits if not visit.is_barred]
        soonest_s = call.free_in_s
        if soonest_s is None:
            routers = [group.router for group in groups if group is not None and group.router is not None]
            cooling = {place: until_s for router in routers for place, until_s in router.cooling_until_s().items()}
            soonest_s = retry_after.soonest_s(call, cooling, {place for r in routers for place in r.candidates()})
        failure.is_hopeless = failure.is_hopeless and retry_after.is_hopeless(call)
        if soonest_s is None or failure.is_hopeless or failure.code == "own_key_refused":
            return failure
        if isinstance(failure, NoneFree):
            return NoneFree(failure.group, soonest_s, failure.hindrances)
        if failure.status in MAY_WAIT:
            failure.retry_after_s = soonest_s
        return failure

    async def _try_within_its_time(self, call: Call, group: LiveGroup) -> Answer | Stream:
        """A group that LiteLLM's Router routes; raises DeadlineExceeded when the time for the whole request is up."""
        limit_s = min(call.budget_s, group.spec.retry.total_s)
        try:
            async with asyncio.timeout(limit_s):
                return await self._try(call, group, visited=set(), most_moves=group.spec.retry.max_fallbacks)
        except TimeoutError as error:
            raise DeadlineExceeded(limit_s) from error

    async def _try(self, call: Call, group: LiveGroup, *, visited: set[str], most_moves: int) -> Answer | Stream:
        visited.add(group.spec.name)
        call.journey.visits.append(group.visit.at(call.depth))
        try:
            return await group.complete(call)
        except Exception as error:
            last = error
        call.depth += len(group.spec.tiers)
        for name in _fallback_names(group.spec, last):
            target = self._groups.get(name)
            if target is None or name in visited or call.trace.fallbacks >= most_moves:
                continue
            if call.may_use is not None and not call.may_use(name):
                visited.add(name)
                call.journey.visits.append(target.visit.at(call.depth, is_barred=True))
                continue
            try:
                return await self._try(call, target, visited=visited, most_moves=most_moves)
            except Exception as error:
                last = error
        raise last


def _end_after(error: Exception, call: Call) -> float:
    """The rank that a failed request has reached: everything, unless its time was up or something of ours broke."""
    is_of_attempt = error is call.last_error or isinstance(error, UpstreamFailure | OwnKeyRefused | RequestFailed)
    return EVERYTHING if is_of_attempt and not isinstance(error, DeadlineExceeded) else end_of(call.trace)


def _how_it_is_called(row: DeploymentSpec) -> tuple[object, ...]:
    return row.provider_type, row.api_base, row.secrets, row.options, row.dialects, row.upstream_model, row.problem


def build(spec: GroupSpec) -> LiveGroup:
    """A group with its router, from any thread that runs no event loop. Blocks where LiteLLM's Router is to route it:
    for about ten milliseconds, and for seconds if the process has not imported LiteLLM."""
    if spec.router is Router.LITELLM:
        with suppress(NoRouter):  # the group says it
            litellm_import.driver().warm_up()

    async def in_a_loop() -> LiveGroup:
        return LiveGroup(spec)

    # LiteLLM's usage-based selector wants a running loop when it is made, for a Redis sync we cancel at once.
    return asyncio.run(in_a_loop())


def _fallback_names(spec: GroupSpec, error: Exception) -> tuple[str, ...]:
    """Where to go next: the list for this kind of error, or the general one when that is empty."""
    policy = spec.fallback
    kind = error.kind if isinstance(error, UpstreamFailure) else None
    if kind is Kind.CONTEXT_LENGTH:
        return policy.context_window_groups or policy.groups
    if kind is Kind.CONTENT_POLICY:
        return policy.content_policy_groups or policy.groups
    return policy.groups


def failure_of(error: Exception) -> RequestFailed:
    """What the caller is told of the error that ended a request, or its stream."""
    if isinstance(error, RequestFailed):
        return error
    if isinstance(error, OwnKeyRefused):
        return _key_refused(error)
    known = failures.as_failure(error)
    status, code = _status_and_code(known)
    # What an upstream says of our key or address there would read as if it were about the caller's.
    is_ours, is_out_of_quota = status in STATUS_FOR_CLIENT, known.kind is Kind.QUOTA
    return RequestFailed(
        failures.message_of(known),
        status=STATUS_FOR_CLIENT.get(status, status),
        error_class=known.error_class,
        code=code if code or is_ours else known.code,
        type=None if is_ours else known.type,
        param=None if is_ours else known.param,
        retry_after_s=known.retry_after_s if status in MAY_WAIT and not is_out_of_quota else None,
        is_hopeless=is_out_of_quota,
    )


def _status_and_code(known: UpstreamFailure) -> tuple[int, str | None]:
    """The status before it is told to the caller, and our own code; None where the upstream's may be told."""
    if known.is_unusable:
        return known.status, "no_usable_deployment"
    return status_and_code(known.kind, known.status)


def _key_refused(error: OwnKeyRefused) -> RequestFailed:
    return RequestFailed(
        failures.message_of(error),
        status=error.status,
        error_class=error.error_class,
        code="own_key_refused",
        retry_after_s=failures.retry_after_s(error.refusal) if error.status == 429 else None,
    )
