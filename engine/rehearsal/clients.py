"""How clients behave after an error: like the official openai client with its defaults, or as a workload says."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Annotated, Any

from engine import fields
from engine.exceptions import RequestFailed
from engine.fields import Between
from engine.rehearsal.arrivals import Arrival

MAX_RETRIES = 2
FIRST_S, LONGEST_S = 0.5, 8.0
# A Retry-After beyond this is not honoured; the client then uses its own backoff.
LONGEST_RETRY_AFTER_S = 60.0
JITTER = 0.25
MOST_RETRIES, LONGEST_PATIENCE_S = 20, 86_400.0


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of a workload: each asks again after an error, `retries` times at most.

    Before a repeat it waits as long as the gateway's Retry-After says, if it `obeys_retry_after`; else `backoff_s`, and
    twice as long each time, up to 8 s. One who has waited `gives_up_after_s` for an answer, or for a stream's first
    token, since it first asked, leaves (None: nobody does).
    """

    retries: Annotated[int, Between(0, MOST_RETRIES)] = MAX_RETRIES
    obeys_retry_after: bool = True
    gives_up_after_s: Annotated[float, Between(0.001, LONGEST_PATIENCE_S)] | None = None
    backoff_s: Annotated[float, Between(0, 3600)] = FIRST_S

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return fields.written(self)

    @classmethod
    def from_json(cls, data: object, *, path: str = "clients") -> Clients:
        """The clients that `to_json` described, the rest by default; raises BadInput."""
        return fields.read(cls, data, path)


class Caller:
    """One request's caller: `number` is that of the request, also for its repeats, of which it has made `repeats`.

    It leaves at `leaves_s`. `source` seeds the jitter of its waits.
    """

    __slots__ = ("_clients", "_rng", "_source", "arrival", "leaves_s", "number", "repeats")

    def __init__(self, clients: Clients, arrival: Arrival, number: int, now: float, source: str) -> None:
        self._clients, self._source, self.arrival, self.number, self.repeats = clients, source, arrival, number, 0
        self.leaves_s = math.inf if clients.gives_up_after_s is None else now + clients.gives_up_after_s
        self._rng: random.Random | None = None

    def asks_again_in_s(self, failure: RequestFailed | None, now: float) -> float | None:
        """Seconds until it repeats a request that has failed so; None if it does not, for who has a part of an answer
        has no error to repeat."""
        if failure is None or failure.is_hopeless or not is_worth_a_retry(failure.status):
            return None
        if self.repeats >= self._clients.retries:
            return None
        wait_s = self._wait_s(failure.retry_after_s)
        if now + wait_s >= self.leaves_s:
            return None
        self.repeats += 1
        return wait_s

    def _wait_s(self, retry_after_s: float | None) -> float:
        told_s = 0 if retry_after_s is None else math.ceil(retry_after_s)
        if self._clients.obeys_retry_after and 0 < told_s <= LONGEST_RETRY_AFTER_S:
            return float(told_s)
        if self._rng is None:
            self._rng = random.Random(self._source)  # noqa: S311  # no secret is drawn from it
        longest_s = max(LONGEST_S, self._clients.backoff_s)
        return min(longest_s, self._clients.backoff_s * 2.0**self.repeats) * (1.0 - JITTER * self._rng.random())


class ClientRetries:
    """One client's. `source` seeds its jitter: the same source, the same waits."""

    def __init__(self, source: str) -> None:
        self._source, self._retries = source, 0
        self._rng: random.Random | None = None  # to seed one takes longer than to answer a request

    def wait_s(self, failure: RequestFailed | None) -> float:
        """Seconds until its next request, after one that was answered (None) or failed; 0 means at once.

        Each retry is a request of its own. After `MAX_RETRIES` retries the client gives up and sends its next request
        at once.
        """
        if failure is None or not is_worth_a_retry(failure.status) or self._retries >= MAX_RETRIES:
            self._retries = 0
            return 0.0
        wait_s = self._backoff_s(failure.retry_after_s)
        self._retries += 1
        return wait_s

    def _backoff_s(self, retry_after_s: float | None) -> float:
        # The gateway's header has whole seconds.
        told_s = 0 if retry_after_s is None else math.ceil(retry_after_s)
        if 0 < told_s <= LONGEST_RETRY_AFTER_S:
            return float(told_s)
        if self._rng is None:
            self._rng = random.Random(self._source)  # noqa: S311  # no secret is drawn from it
        return min(LONGEST_S, FIRST_S * 2.0**self._retries) * (1.0 - JITTER * self._rng.random())


def is_worth_a_retry(status: int) -> bool:
    """Whether the openai client sends a request again after this status."""
    return status in (408, 409, 429) or status >= 500
