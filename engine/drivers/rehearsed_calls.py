"""The simulator's side of requests that are rehearsed as they are called: by a name that leads to several groups, and
with a key whose limits and credits decide whether a request is let in.

Only runs whose job says what is called are of this kind: all others pay nothing for it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.allowance.minute_limits import LimitReached, MinuteCounters
from engine.allowance.purse import USUAL_BYTES_PER_TOKEN, NotPaid, highest_nanousd, reachable, tokens_of
from engine.drivers.endings import PassedOver
from engine.drivers.rehearsed_processes import CalledProcesses
from engine.drivers.rehearsed_requests import Request
from engine.drivers.simulation import Simulation
from engine.exceptions import RequestFailed
from engine.ledger import Trace
from engine.outcomes import Outcome
from engine.rehearsal.called_names import Called, CallingKey
from engine.rehearsal.clients import ClientRetries
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit
from engine.rehearsal.workload import Arrival
from engine.spec import OwnKey, Secret
from engine.upstreams.tokens import Usage

NANO = 1_000_000_000


@dataclass(slots=True)
class CountOfGroup:
    """What came to one of the groups, and what became of it; `refused` are those that its upstreams refused."""

    group: str
    tier: str
    requests: int = 0
    answered: int = 0
    failed: int = 0
    refused: int = 0
    left: int = 0
    refused_by_key: int = 0
    cost_usd: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, with the names of the REST API."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {**told, "cost_usd": round(self.cost_usd, 9)}


class CallSimulation(Simulation):
    """A run whose requests call a name."""

    def __init__(self, job: Job, emit: Emit, should_stop: Callable[[], bool]) -> None:
        super().__init__(job, emit, should_stop)
        assert job.called is not None  # noqa: S101  # else it would not be of this kind
        assert isinstance(self._processes, CalledProcesses)  # noqa: S101  # the job's
        self._called: Called = job.called
        self._entries: CalledProcesses = self._processes
        self._door = None if job.called.key is None else _Door(job.called.key, job, len(self._processes.all))
        self._counts: dict[tuple[str, str], CountOfGroup] = {}
        self._of: dict[int, tuple[CountOfGroup, int]] = {}  # by its number: where it is counted, and its process
        self._refusals = Counter[tuple[str, str]]()
        self._limits_s = {spec.name: min(job.deadline_s, spec.retry.total_s) for spec in job.specs}
        self._limit_s = max(self._limits_s[name] for name in self._entries.names)
        first = self._entries.all[0]
        self._passed_over.has_left_out = any(
            PassedOver(first.groups, first.groups[name]).has_left_out for name in self._entries.names
        )
        self._is_plain = self._is_plain and not self._passed_over.has_left_out
        self._arrivals = self._with_tiers(self._arrivals)

    def _with_tiers(self, arrivals: Iterator[tuple[int, Arrival]]) -> Iterator[tuple[int, Arrival]]:
        """Each request has the tier that was recorded, else one by chance."""
        rng = random.Random(f"{self._job.seed}:complexity")  # noqa: S311  # no secret is drawn from it
        names, weights = [*self._called.mix], [*self._called.mix.values()]
        for number, arrival in arrivals:
            if names and not arrival.tier:
                yield number, arrival._replace(tier=rng.choices(names, weights)[0])
            else:
                yield number, arrival

    # Who comes

    def begin(self, arrival: tuple[int, Arrival], client: ClientRetries | None) -> None:
        number, about = arrival
        tier, group = self._leads_to(about.tier)
        limit_s = self._limits_s[group]
        self._patience_s = limit_s if self._job.workload.clients is None else min(self._patience_s, limit_s)
        process = self._entries.choose(client, group)
        if (count := self._counts.get((group, tier))) is None:
            count = self._counts[group, tier] = CountOfGroup(group, tier)
        count.requests += 1
        self._of[number] = count, process
        if self._door is not None:
            try:
                self._door.admit(number, about, group, process, self.now)
            except RequestFailed as refused:
                self._refuse(arrival, client, refused)
                return
        super().begin(arrival, client)

    def _leads_to(self, name: str) -> tuple[str, str]:
        """The tier whose pool answers, and the pool: the first one in service, as in the gateway."""
        if (tier := self._called.tier(name)) is None:
            return "", self._job.spec.name
        tiers = self._called.pools(tier)
        found = next((one for one in tiers if one.pool in self._entries.names), tiers[-1])
        return found.name, found.pool if found.pool in self._entries.names else self._job.spec.name

    def _refuse(self, arrival: tuple[int, Arrival], client: ClientRetries | None, refused: RequestFailed) -> None:
        """It ends before anybody is asked."""
        number, (_, read, written, _, is_stream, _) = arrival
        self._tally.started += 1
        asked = self._is_stream if is_stream is None else is_stream
        request = Request(number, read, written, client, self.now, self.now, asked)
        request.trace, request.failures = Trace(str(number), self._entries.of(client).group.name), []
        self._finish(request, Outcome.REFUSED, refused.error_class, failure=refused)

    # What becomes of it

    def answered(self, request: Request) -> None:
        if request.journey is None:
            place = request.place
            cost_usd = request.input_tokens * place.input_usd + request.output_tokens * place.output_usd
            tokens = request.input_tokens + request.output_tokens
            self._ends(request, Outcome.ANSWERED, cost_usd, tokens, place.row.provider_id)
        super().answered(request)

    def _finish(
        self,
        request: Request,
        outcome: Outcome,
        error: str | None = None,
        *,
        usage: Usage | None = None,
        failure: RequestFailed | None = None,
    ) -> None:
        if isinstance(failure, LimitReached | NotPaid):
            count, _ = self._of.pop(request.index)
            count.refused_by_key += 1
            self._refusals[failure.error_class, _why(failure)] += 1
            began_ms = request.began_s * 1000
            self._recording.finish(request.index, request.trace, began_ms, 0.0, outcome, error, None, failure)
            self._is_over(request, failure)
            return
        cost_usd = 0.0 if outcome is Outcome.REFUSED else self._tally.cost_of(request.trace, usage)
        asked = request.place.row.provider_id if request.trace.attempts else ""
        self._ends(request, outcome, cost_usd, usage.total_tokens if usage else 0, asked)
        super()._finish(request, outcome, error, usage=usage, failure=failure)

    def _ends(self, request: Request, outcome: Outcome, cost_usd: float, tokens: int, provider_id: str) -> None:
        count, process = self._of.pop(request.index)
        setattr(count, outcome.value, getattr(count, outcome.value) + 1)
        count.cost_usd += cost_usd
        if self._door is not None:
            is_free = outcome is Outcome.FAILED
            self._door.leave(request.index, process, 0.0 if is_free else cost_usd, tokens, provider_id, self.now)

    def end(self, kind: str) -> None:
        groups = sorted(self._counts.values(), key=lambda one: (-one.requests, one.group, one.tier))
        refusals = [{"code": code, "why": why, "requests": n} for (code, why), n in self._refusals.most_common()]
        self._recording.told = {
            "called": self._called.name,
            "groups": [one.to_json() for one in groups],
            "refused_by_key": refusals,
        }
        super().end(kind)


class _Door:
    """The key of a run: what it may still do. Limits count in each process for itself, unless those share their state;
    the account is in the database, and so one for all."""

    def __init__(self, key: CallingKey, job: Job, processes: int) -> None:
        self._key, self._purse = key, None if key.purse is None else replace(key.purse)
        self._counters = tuple(MinuteCounters() for _ in range(processes))
        specs = {spec.name: _Named(spec) for spec in job.specs}
        self._payable = {name: reachable(specs, one.spec) for name, one in specs.items()}
        self._factor = {name: 2 if one.spec.hedge is not None else 1 for name, one in specs.items()}
        self._own = {provider: OwnKey(Secret(""), may_fall_back=False) for provider in key.own_keys}
        self._held: dict[int, int] = {}

    def admit(self, number: int, about: Arrival, group: str, process: int, now: float) -> None:
        """Counts it, and holds what it may cost; raises LimitReached and NotPaid. As the gateway does, in its order."""
        if self._key.limits:
            self._counters[process].admit(self._key.limits, now)
        if self._purse is None:
            return
        read = tokens_of(about.input_tokens * USUAL_BYTES_PER_TOKEN)
        most = highest_nanousd(read, self._output_tokens, self._payable[group], self._own) * self._factor[group]
        if most:
            self._purse.hold(most)
            self._held[number] = most

    def leave(self, number: int, process: int, cost_usd: float, tokens: int, provider_id: str, now: float) -> None:
        """It has ended: what it used is counted and paid."""
        self._counters[process].count_tokens(self._key.limits, tokens, now)
        if self._purse is not None and (held := self._held.pop(number, 0)):
            is_own = provider_id in self._own
            self._purse.settle(held, 0 if is_own else round(cost_usd * NANO))

    def _output_tokens(self, deployment: Any) -> int:
        return self._key.output_tokens.get(deployment.deployment_id, 0)


@dataclass(frozen=True, slots=True)
class _Named:
    """A group for `reachable`."""

    spec: Any


def _why(failure: LimitReached | NotPaid) -> str:
    """The reason without what differs from request to request."""
    if isinstance(failure, NotPaid):
        return failure.message
    limit = failure.limit
    return f"{limit.who} may use {limit.amount:,} {limit.what} a minute."
