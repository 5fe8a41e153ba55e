"""One rehearsal on an event loop: the gateway's own routing, a workload, and synthetic upstreams or real ones.

The loop is an ordinary one for a run with real requests, and a virtual one (`clock.py`) for groups that LiteLLM's
Router routes. Those of our own core need no loop: see `drivers/simulation.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, NamedTuple

from engine.exceptions import RequestFailed
from engine.ledger import Attempt, Trace
from engine.outcomes import Outcome, outcome_of
from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit, Recording, Stopped
from engine.rehearsal.results import DeploymentCount, Tally
from engine.rehearsal.workload import Arrival
from engine.routing import LiveGroup, Routing
from engine.spec import DeploymentSpec, RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Usage
from engine.upstreams.choose import upstream_for
from engine.upstreams.rehearsed import RehearsedUpstream

REAL_MESSAGES = [{"role": "user", "content": "Hello, respond with one word."}]


async def rehearse(job: Job, *, emit: Emit, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Runs a job to its end and emits frames, traces, and finally `done` or `cancelled` with the result.

    Raises errors of the engine itself; failed requests are part of the result.
    """
    run = _Run(job, emit, should_stop)
    kind = "done"
    try:
        await run.serve()
    except Stopped:
        kind = "cancelled"
    await run.end(kind)


class _Ending(NamedTuple):
    """The tokens of the answer, or of a stream that broke; the class of the error, and the error itself, unless it
    broke a stream."""

    usage: Usage | None = None
    error: str | None = None
    failure: RequestFailed | None = None

    @property
    def outcome(self) -> Outcome:
        """By the rule of the request log; broken streams and requests past their deadline have failed."""
        if self.error is None:
            return Outcome.ANSWERED
        if self.failure is None:
            return Outcome.FAILED
        return outcome_of(self.failure.status, was_routed=True, code=self.failure.code or "")


class _Run:
    """The state of one rehearsal."""

    def __init__(self, job: Job, emit: Emit, should_stop: Callable[[], bool]) -> None:
        self._job, self._should_stop = job, should_stop
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self._recording = Recording(job, emit, zero_s=time.time())
        self._routing = Routing(random.Random(f"{job.seed}:routing"))  # noqa: S311
        for spec in job.specs:
            self._routing.add(LiveGroup(spec))
        self._upstream = _Counted(job, self._recording.tally)

    @property
    def now_ms(self) -> float:
        """Milliseconds on the run's clock."""
        return (self._loop.time() - self._start_s) * 1000

    async def serve(self) -> None:
        """Sends the whole workload through the group; raises Stopped."""
        rng = random.Random(f"{self._job.seed}:workload")  # noqa: S311  # no secret is drawn from it
        arrivals = enumerate(self._job.workload.schedule(rng))
        frames = asyncio.create_task(self._emit_frames())
        try:
            if self._job.workload.kind == "closed":
                clients = range(self._job.workload.concurrency)
                await _all(self._client(arrivals, ClientRetries(f"{self._job.seed}:client:{n}")) for n in clients)
            else:
                await self._arrivals(arrivals)
        finally:
            frames.cancel()

    async def end(self, kind: str) -> None:
        """Says how it ended, and lets go of the routers."""
        cooldowns_s = await self._cooldowns_s()
        for spec in self._job.specs:
            self._routing.remove(spec.name)
        self._recording.end(kind, self.now_ms, cooldowns_s, self._upstream.struck)

    async def _client(self, arrivals: Iterator[tuple[int, Arrival]], retries: ClientRetries) -> None:
        """One of the closed loop's clients: it sends the next request when the last one is answered, or may be
        retried."""
        wait_s = 0.0
        for index, arrival in arrivals:
            if wait_s:
                await asyncio.sleep(wait_s)
            failure = await self._request(index, arrival)
            # A run with real requests has few of them, and a person waits: its traces are sent at once.
            wait_s = 0.0 if self._job.is_real else retries.wait_s(failure)

    async def _arrivals(self, arrivals: Iterator[tuple[int, Arrival]]) -> None:
        """The open loop: requests arrive whether or not earlier ones are answered."""
        with _unwrapped():
            async with asyncio.TaskGroup() as requests:
                for index, arrival in arrivals:
                    if (wait_s := arrival.at_s - (self._loop.time() - self._start_s)) > 0:
                        await asyncio.sleep(wait_s)
                    requests.create_task(self._request(index, arrival))

    async def _request(self, index: int, arrival: Arrival) -> RequestFailed | None:
        """One HTTP request, to its end; returns the error that its client saw if it failed without an answer."""
        if self._should_stop():
            raise Stopped
        group = self._routing.get(self._job.spec.name)
        assert group is not None  # noqa: S101  # added when the run began, removed when it ends
        trace = Trace(str(index), group.spec.name)
        call = self._call(trace, arrival)
        began_ms = self.now_ms
        self._recording.tally.started += 1
        ending = await self._outcome(call, group)
        duration_ms = self.now_ms - began_ms
        self._recording.finish(
            index, trace, began_ms, duration_ms, ending.outcome, ending.error, ending.usage, ending.failure
        )
        return ending.failure

    def _call(self, trace: Trace, arrival: Arrival) -> Call:
        tokens = (arrival.input_tokens, arrival.output_tokens)
        is_stream = self._job.workload.is_stream if arrival.is_stream is None else arrival.is_stream
        body: dict[str, Any] = {"messages": []}
        if self._job.is_real:
            body = {"messages": REAL_MESSAGES, "stream": is_stream}
        call = Call("chat/completions", body, trace, is_stream, self._upstream, tokens)
        call.budget_s = self._job.deadline_s
        return call

    async def _outcome(self, call: Call, group: LiveGroup) -> _Ending:
        ends_s = asyncio.get_running_loop().time() + self._job.deadline_s
        result: Answer | Stream | None = None
        try:
            result = await self._routing.route(call, group)  # within the call's `budget_s`
            async with asyncio.timeout_at(ends_s):
                if isinstance(result, Stream):
                    async for _ in result:
                        pass
                return _Ending(result.usage)
        except RequestFailed as failure:
            return _Ending(error=failure.error_class, failure=failure)
        except TimeoutError:
            return _Ending(error="DeadlineExceeded")
        except Exception as broken:  # the stream broke after its first token
            return _Ending(None if result is None else result.usage, failures.class_of(broken))

    async def _cooldowns_s(self) -> dict[str, float]:
        cooldowns: dict[str, float] = {}
        for group in self._routing:
            cooldowns |= await group.cooldowns()
        return cooldowns

    async def _emit_frames(self) -> None:
        while True:
            self._recording.emit_frame(self.now_ms, await self._cooldowns_s())
            await asyncio.sleep(self._recording.next_frame_s)


class _Counted:
    """The upstream of a run; it counts the attempts in flight."""

    def __init__(self, job: Job, tally: Tally) -> None:
        self._tally = tally
        self._rehearsed = None if job.is_real else RehearsedUpstream(job.specs, job.scenario, job.profiles, job.seed)

    @property
    def struck(self) -> frozenset[int]:
        """Positions of the scenario's faults that have struck."""
        return frozenset() if self._rehearsed is None else self._rehearsed.struck

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        count = self._tally.deployments[deployment.deployment_id]
        upstream = self._rehearsed or upstream_for(deployment)
        count.in_flight += 1
        try:
            result = await upstream.send(call, deployment, policy, attempt)
        except BaseException:
            count.in_flight -= 1
            raise
        if isinstance(result, Stream):
            result.events = _until_the_end(result.events, count)
        else:
            count.in_flight -= 1
        return result


async def _until_the_end(events: AsyncGenerator[bytes], count: DeploymentCount) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    finally:
        count.in_flight -= 1


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    with _unwrapped():
        async with asyncio.TaskGroup() as tasks:
            for one in work:
                tasks.create_task(one)


@contextmanager
def _unwrapped() -> Iterator[None]:
    """The error that ended a task group, without the group around it."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
