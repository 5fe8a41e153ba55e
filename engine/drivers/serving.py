"""The gateway's driver of the routing core: sends what a journey wants asked, and tells it what came of that."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from functools import partial
from random import Random
from typing import Any

import structlog

from engine.core.actions import Action, Ask, Exclusion, GiveUp, Step, Wait
from engine.core.candidates import TIMER_SLACK_S
from engine.core.failures import Failure, Kind
from engine.core.journey import Journey
from engine.core.state import Group, Target
from engine.drivers import attempt_ledger, hedging, retry_after
from engine.drivers.endings import not_asked
from engine.drivers.passed_over import is_plain, tell
from engine.drivers.rescuing import Rescuer
from engine.exceptions import DeadlineExceeded, KeeperAway, Unsuitable
from engine.ledger import Attempt, Hedge, Rescue, SkipReason
from engine.shared.store import StateStore
from engine.spec import DeploymentSpec, GroupSpec
from engine.upstreams import estimates, failures
from engine.upstreams.call import Answer, Call, Stream, Upstream, Usage
from engine.upstreams.choose import collecting, obstacle, spoken_with, upstream_for
from engine.upstreams.own_keys import OwnKeyRefused, is_hopeless, key_for, may_fall_back, was_refused, with_key
from engine.upstreams.second_parts import own_upstream
from engine.upstreams.time_limits import within
from engine.upstreams.upstream_failure import UpstreamFailure

log = structlog.get_logger(__name__)


async def route(
    groups: Mapping[str, Group], group: Group, call: Call, rng: Random, store: StateStore
) -> Answer | Stream:
    """One request through a group and its fallback groups; raises the last error, or NoneFree.

    Afterwards `call.free_in_s` says when asking again may help, and `call.journey` where the request went.
    """
    return await _Request(groups, group, call, rng, store).serve()


class _Request:
    """One request and its journey."""

    def __init__(self, groups: Mapping[str, Group], group: Group, call: Call, rng: Random, store: StateStore) -> None:
        self._group, self._call, self._store = group, call, store
        self._bound = ""  # the deployment that answered the conversation last, or keeps a part of it
        self._now = asyncio.get_running_loop().time
        self._limit_s = min(call.budget_s, group.spec.retry.total_s)
        self._deadline_s = self._now() + self._limit_s
        self._journey = Journey(
            groups,
            group,
            rng,
            deadline_s=self._deadline_s,
            prompt_tokens=_prompt_tokens(groups, group, call),
            is_stream=call.is_stream,
            request_id=call.trace.call_id,
            bar=partial(_bar, call),
            may_use=call.may_use,
        )

    async def serve(self) -> Answer | Stream:
        """Within the time of the whole request; raises DeadlineExceeded, or the last error."""
        try:
            with within(self._limit_s):
                return await self._served()
        except TimeoutError as error:
            raise DeadlineExceeded(self._limit_s) from error

    async def _served(self) -> Answer | Stream:
        try:
            self._bound = self._call.prefers
            if self._conversation and not self._bound:
                self._bound = await self._store.bound(self._conversation)
            action = self._journey.begin(self._now(), self._bound)
            while not isinstance(action, GiveUp):
                result = await self._do(action)
                if isinstance(result, Answer | Stream):
                    return result
                action = result
            raise self._given_up(action)
        finally:
            self._journey.leave_queue()
            self._tell_where_it_went()

    @property
    def _conversation(self) -> str:
        """Its name among all; empty where the group is not sticky."""
        spec, name = self._group.spec, self._call.conversation
        return f"{spec.group_id}:{name}" if name and spec.sticky is not None else ""

    def _bind(self, ask: Ask) -> None:
        """The conversation stays with this one of the group it came to."""
        if self._conversation and ask.visit.group is self._group:
            self._store.bind(self._conversation, ask.target.key, self._group.spec.sticky.ttl_s)

    async def _do(self, action: Ask | Wait) -> Answer | Stream | Action:
        if isinstance(action, Wait):
            await _wait(action)
            return self._journey.woke(self._now())
        try:
            if (instead := await self._held_back(action)) is not None:
                return instead
            if (limit_s := self._hedged_after_s(action)) is None:
                return await self.ask(action)
        except Exception as error:
            return self._journey.failed(action, self._now(), self.noted(action, error))
        except BaseException:
            self.stopped(action)
            raise
        return await hedging.Pair(self, self._journey, self._call, self._store).run(action, limit_s)

    def _hedged_after_s(self, ask: Ask) -> float | None:
        """How long this attempt may take to begin before another one is made beside it; None where none is."""
        if ask.visit.group.hedging is None or self._call.endpoint not in hedging.HEDGED:
            return None
        return self._journey.race(ask).delay_s(ask)

    def noted(self, ask: Ask, error: Exception) -> Failure:
        """The error of an attempt that failed, as the core sees it; the request remembers it."""
        if not isinstance(error, UpstreamFailure):
            # Ours, and no upstream's. Where it came from and no text: that may have a key in it.
            log.error("unexpected error of an attempt", error=type(error).__name__, at=_place(error))
        error = attempt_ledger.about_the_endpoint(self._call, ask.target.spec, ask.target.health.served, error)
        self._call.last_error = error
        retry_after.note(self._call, ask.visit.group.spec, ask.target.spec, error)
        return attempt_ledger.failure_of(error)

    def stopped(self, ask: Ask) -> None:
        """The caller is gone with this attempt under way, or the time of the request is up."""
        if (now := self._now()) >= self._deadline_s - TIMER_SLACK_S:
            self._journey.ran_out(ask, now)
        else:
            self._journey.left(ask)

    def beside(self, call: Call) -> _Request:
        """The same request for an attempt that runs beside another one: what an attempt notes on its call is apart."""
        other = copy(self)
        other._call = call
        return other

    async def _held_back(self, ask: Ask) -> Action | None:
        """What to do instead, where another process probes, or all together have no place or have used up a limit."""
        tell = await self.hindrance(ask)
        return None if tell is None else tell(ask, self._now())

    async def hindrance(self, ask: Ask) -> Callable[[Ask, float], Action] | None:
        """What the core is told where an attempt must not be made."""
        if (ask.ticket > 0 or ask.key_ticket > 0) and not await self._store.claim(ask):
            return self._journey.outrun
        if ask.target.max_parallel is not None and not await self._store.enter(ask):
            return self._journey.outrun
        if ask.target.is_limited and not await self._store.take(ask):
            return self._journey.refused
        return None

    async def rescue(self, ask: Ask, call: Call, kind: Rescue) -> tuple[Stream, Attempt] | None:
        """One attempt to go on with a stream that broke; see `rescuing.Attempts`."""
        try:
            if await self.hindrance(ask) is not None:
                self._journey.left(ask)
                return None
            return await self._go_on(ask, call, kind)
        except Exception as error:
            self._journey.broke(ask, self._now(), attempt_ledger.failure_of(error))
            return None
        except BaseException:
            self._journey.left(ask)
            raise

    async def _go_on(self, ask: Ask, call: Call, kind: Rescue) -> tuple[Stream, Attempt]:
        key = key_for(call, ask.target.spec)
        deployment = ask.target.spec if key is None else with_key(ask.target.spec, key)
        attempt = self._begun(ask, deployment, own_key=key is not None, rescue=kind.value)
        upstream = call.upstream or own_upstream(call, deployment)
        stream = await self._sent(call, deployment, ask.visit.group.spec, attempt, upstream)
        if not isinstance(stream, Stream):
            raise TypeError("a stream was asked for")
        self._bind(ask)
        self._follow(stream, ask, attempt)
        return stream, attempt

    async def ask(self, ask: Ask) -> Answer | Stream:
        """With the caller's own key where there is one, and again with the system's if that is allowed."""
        call, deployment = self._call, ask.target.spec
        if (key := key_for(call, deployment)) is None:
            return await self._try(ask, deployment)
        try:
            return await self._try(ask, with_key(deployment, key), own_key=True)
        except Exception as error:
            if not was_refused(call, deployment, error):
                raise
            if not may_fall_back(call, key):
                raise OwnKeyRefused(deployment, error) from error
        return await self._try(ask, deployment)

    async def _try(self, ask: Ask, deployment: DeploymentSpec, *, own_key: bool = False) -> Answer | Stream:
        call = self._call
        is_bound = ask.target.key == self._bound and not call.trace.attempts
        hedge = Hedge.HEDGED.value if ask.step is Step.HEDGE else ""
        attempt = self._begun(ask, deployment, own_key=own_key, sticky=is_bound, hedge=hedge)
        call.asked, call.leaves_filtered = deployment, bool(ask.visit.group.content)
        rescuer = self._rescuer(ask, attempt)
        result = await self._sent(call, deployment, ask.visit.group.spec, attempt, call.upstream)
        self._bind(ask)
        if isinstance(result, Answer):
            self._answered(ask, attempt, result.usage)
        else:
            self._follow(result, ask, attempt)
            if rescuer is not None:
                rescuer.serve(result, ask, attempt)
        return result

    def _begun(self, ask: Ask, deployment: DeploymentSpec, **how: Any) -> Attempt:
        begun = attempt_ledger.begun(ask.visit.group.spec, deployment, ask.depth, **how)
        return self._call.trace.begin(begun)

    async def _sent(
        self, call: Call, deployment: DeploymentSpec, spec: GroupSpec, attempt: Attempt, upstream: Upstream | None
    ) -> Answer | Stream:
        """The answer of this upstream, or of the deployment's own for the door."""
        try:
            upstream = upstream or upstream_for(deployment, call.endpoint)
            attempt.dialect = spoken_with(call, deployment)
            if spec.streams_upstream:
                upstream = collecting(upstream, call.endpoint)
            result = await upstream.send(call, deployment, spec.retry, attempt)
            if isinstance(result, Answer) and result.is_content_filtered and call.leaves_filtered:
                raise failures.blocked(deployment)
        except Exception as error:
            attempt_ledger.failed(attempt, deployment, error)
            raise
        except BaseException:
            attempt_ledger.close(attempt, "cancelled")
            raise
        return result

    def _rescuer(self, ask: Ask, attempt: Attempt) -> Rescuer | None:
        """What goes on with the stream of this attempt if it breaks, where its group wants that."""
        call = self._call
        call.watch = None  # that of the attempt before
        if not (call.is_stream and ask.visit.group.spec.rescues and call.is_chat):
            return None
        rescuer = Rescuer(self._journey, call, self, self._now)
        call.watch = partial(rescuer.watch, ask=ask, attempt=attempt)
        return rescuer

    def _answered(self, ask: Ask, attempt: Attempt, usage: Usage | None) -> None:
        attempt.status_code = 200
        attempt_ledger.close(attempt, "success")
        first_token_ms = attempt.first_token_ms or attempt.duration_ms or 0.0
        output_tokens, total_tokens = (usage.output_tokens, usage.total_tokens) if usage else (0, 0)
        ask.target.health.served.add(self._call.service)
        self._journey.answered(ask, self._now(), first_token_ms / 1000, output_tokens, total_tokens)
        self._store.used(ask.target.health, total_tokens)

    def _follow(self, stream: Stream, ask: Ask, attempt: Attempt) -> None:
        """Tells when the stream ends, and how."""
        deployment = stream.deployment
        stream.asked = self._call.chat
        self._journey.started(ask, self._now())

        async def on_end(error: BaseException | None) -> None:
            if error is None:
                self._answered(ask, attempt, stream.usage)
            elif not isinstance(error, Exception):
                attempt_ledger.close(attempt, "cancelled")
                self._journey.left(ask)
            else:
                attempt_ledger.failed(attempt, deployment, error)
                failure = Failure(Kind.OWN_KEY) if attempt.is_key_refused else attempt_ledger.failure_of(error)
                self._journey.broke(ask, self._now(), failure)

        stream.on_end = on_end

    def _given_up(self, end: GiveUp) -> Exception:
        self._call.free_in_s = end.free_in_s if 0 < end.free_in_s < float("inf") else None
        if self._call.last_error is not None:
            return self._call.last_error
        nobody = self._unsuitable() or self._away()
        return nobody or not_asked(self._journey, self._group, self._call.free_in_s)

    def _away(self) -> KeeperAway | None:
        """The error of a request that only one can answer, who is not asked for the moment."""
        source, targets = self._call.source, (t for visit in self._journey.visits for t in visit.group.targets())
        if source is None or not any(target.spec.deployment_id == source.deployment_id for target in targets):
            return None
        return KeeperAway(source.name)

    def _unsuitable(self) -> Unsuitable | None:
        """The error of a request that nobody can answer as it is asked."""
        noted = self._journey.noted or {}
        if not noted or any(one.reason is not SkipReason.UNSUITABLE for one in noted.values()):
            return None
        rows = (target.spec for visit in self._journey.visits for target in visit.group.targets())
        found = [one for row in rows if (one := obstacle(self._call, row)) is not None]
        told = next((one for one in found if one.code is not None), found[0] if found else None)
        return Unsuitable(told.param, told.message, told.code) if told is not None else None

    def _tell_where_it_went(self) -> None:
        """For the skips; nothing where the first that was asked answered and nobody was passed over."""
        call, made = self._call, self._call.trace.attempts
        if not is_plain(
            self._journey,
            self._group,
            attempts=len(made),
            has_failed=call.last_error is not None,
            depth=made[0].fallback_depth if made else 0,
        ):
            tell(self._journey, call.journey, unix_s=time.time() - self._now())


def _prompt_tokens(groups: Mapping[str, Group], group: Group, call: Call) -> int:
    """About how many the prompt has, where somebody's context may be too small for it; else 0."""
    behind = (groups.get(name) for name in (*group.general, *group.context, *group.content))
    are_known = any(one is not None and one.least_context < math.inf for one in (group, *behind))
    return estimates.input_tokens(call.chat) if are_known else 0


async def _wait(wait: Wait) -> None:
    """So long, or until it may be the request's turn in a queue."""
    if wait.queued is None:
        await asyncio.sleep(wait.seconds)
        return
    turn = asyncio.Event()
    wait.queued.wake = turn.set
    with suppress(TimeoutError):
        async with asyncio.timeout(wait.seconds):
            await turn.wait()


def _place(error: Exception) -> str:
    """The module and the line that raised it."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return "" if step is None else f"{step.tb_frame.f_globals.get('__name__')}:{step.tb_lineno}"


def _bar(call: Call, target: Target) -> Exclusion | None:
    """Why the request must not ask a target: its answer would be a refusal."""
    if call.own_keys and is_hopeless(call, target.spec):
        return Exclusion(SkipReason.OWN_KEY_REFUSED)
    found = obstacle(call, target.spec)
    return Exclusion(SkipReason.UNSUITABLE, found.message) if found is not None else None
