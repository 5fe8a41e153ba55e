"""The simulator's side of clients that ask again after an error, and leave when they have waited for too long.

Each repeat is a request of its own, with its own trace. Only runs whose workload describes its clients are of this
kind: all others pay nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.drivers.rehearsed_requests import Request
from engine.drivers.rehearsed_rescues import usage
from engine.drivers.simulation import Simulation
from engine.exceptions import RequestFailed
from engine.outcomes import Outcome
from engine.rehearsal.clients import Caller, ClientRetries, Clients
from engine.rehearsal.jobs import Job
from engine.rehearsal.recording import Emit
from engine.rehearsal.workload import Arrival
from engine.upstreams.tokens import Usage

LEFT = "CallerLeft"


class ClientSimulation(Simulation):
    """A run whose requests have callers."""

    def __init__(self, job: Job, emit: Emit, should_stop: Callable[[], bool]) -> None:
        super().__init__(job, emit, should_stop)
        self._clients = job.workload.clients or Clients()
        self._callers: dict[int, Caller] = {}  # of the requests on their way, and of those that will be repeated
        self._next_number = job.workload.num_requests

    def begin(self, arrival: tuple[int, Arrival], client: ClientRetries | None) -> None:
        number, about = arrival
        if (caller := self._callers.get(number)) is None:
            source = f"{self._job.seed}:caller:{number}"
            caller = self._callers[number] = Caller(self._clients, about, number, self.now, source)
        else:
            self._tally.count_repeat()
        self._patience_s = min(self._limit_s, caller.leaves_s - self.now)
        super().begin(arrival, client)

    def answered(self, request: Request) -> None:
        if self._callers[request.index].repeats:
            self._journey_of(request)  # its trace says that it is a repeat
        is_at_once = request.journey is None
        if is_at_once:
            del self._callers[request.index]
        super().answered(request)

    # Who leaves

    def _is_left(self, request: Request) -> bool:
        """Whether it is its caller who ends it, and not the gateway."""
        return request.deadline_s < request.began_s + self._limit_s

    def cut_off(self, request: Request) -> None:
        if not self._is_left(request):
            super().cut_off(request)
            return
        journey = self._journey_of(request)
        self._close(request, "cancelled")
        journey.left(request.ask)
        # The upstream has read the prompt all the same.
        self._finish(request, Outcome.LEFT, LEFT, usage=usage(request.input_tokens, 0))

    def _run_out(self, request: Request, *, has_begun: bool) -> None:
        if self._is_left(request):
            self._finish(request, Outcome.LEFT, LEFT)
        else:
            super()._run_out(request, has_begun=has_begun)

    # Who asks again

    def _finish(
        self,
        request: Request,
        outcome: Outcome,
        error: str | None = None,
        *,
        usage: Usage | None = None,
        failure: RequestFailed | None = None,
    ) -> None:
        caller = self._callers[request.index]
        if caller.repeats:
            request.trace.repeat_of = caller.number
        super()._finish(request, outcome, error, usage=usage, failure=failure)

    def _is_over(self, request: Request, failure: RequestFailed | None) -> None:
        caller = self._callers.pop(request.index)
        if (wait_s := caller.asks_again_in_s(failure, self.now)) is None:
            if request.client is not None:
                self._next(request.client, self._gateway_s)
            return
        number, self._next_number = self._next_number, self._next_number + 1
        self._callers[number] = caller
        self.at(self.now + self._gateway_s + wait_s, self.begin_one, ((number, caller.arrival), request.client))
