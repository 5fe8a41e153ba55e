"""A small world in virtual time: requests, deployments that fail as told, and a heap of events that drives journeys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random

from engine.core.actions import Action, Ask, GiveUp, Wait
from engine.core.failures import Failure
from engine.core.first_asks import FirstAsks
from engine.core.journey import Journey
from engine.core.state import Group, Target
from tests.engine.core.working import SILENT

# What a deployment does with a request that comes at a moment: how long it takes, and how it fails.
Fate = tuple[float, Failure | None]
MOST_EVENTS = 1_000_000
Conduct = Callable[[str, float], Fate]


@dataclass(slots=True, eq=False)
class Request:
    """One request and what became of it: `asked` are key, begin, end and failure of each attempt."""

    began_s: float
    journey: Journey
    deadline_s: float
    asked: list[tuple[str, float, float, Failure | None]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    ended_s: float | None = None
    is_answered: bool = False
    gave_up: GiveUp | None = None
    has_left: bool = False
    began_alone: bool = False

    @property
    def path(self) -> str:
        """Whom it asked, in order."""
        return "".join(key for key, *_ in self.asked)


class World:
    """`watch` is called after each event, with the moment, the request and what it does next.

    With `makes_journeys_late`, the first attempt is made without one where that can be.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        conduct: Conduct,
        *,
        seed: int = 1,
        timeout_s: float = 15.0,
        budget_s: float = 600.0,
        watch: Callable[[float, Request, Action | None], None] | None = None,
        makes_journeys_late: bool = False,
    ) -> None:
        self.groups = {group.name: group for group in groups}
        self.rng, self.conduct, self.watch = Random(seed), conduct, watch
        self.timeout_s, self.budget_s = timeout_s, budget_s
        self.requests: list[Request] = []
        self._first_asks = {group.name: FirstAsks(group, self.rng) for group in groups} if makes_journeys_late else {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self.now = 0.0

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Something is to happen; of one moment in the order in which it was said."""
        heappush(self._heap, (when, next(self._numbers), what))

    def send(self, name: str, at_s: float, *, leaves_after_s: float | None = None, tokens: int = 0) -> None:
        """A request for a group; its caller may leave during the first attempt."""
        self.at(at_s, lambda: self._begin(name, at_s, leaves_after_s, tokens))

    def run(self) -> list[Request]:
        """Until nothing is left to happen."""
        while self._heap:
            when, number, what = heappop(self._heap)
            assert number < MOST_EVENTS, "it goes on for ever"
            self.now = when
            what()
        return self.requests

    def _begin(self, name: str, now: float, leaves_after_s: float | None, tokens: int) -> None:
        deadline_s = now + self.budget_s
        journey = Journey(self.groups, self.groups[name], self.rng, deadline_s=deadline_s, tokens=tokens)
        request = Request(now, journey, deadline_s)
        self.requests.append(request)
        early = self._first_asks[name].ask(now, tokens) if self._first_asks else None
        request.began_alone = early is not None
        action = journey.begin(now) if early is None else early
        if leaves_after_s is not None and isinstance(action, Ask):
            request.has_left = True
            self._told(request, None)
            self.at(now + leaves_after_s, lambda: self._leave(request, action))
            return
        self._do(request, action)

    def _do(self, request: Request, action: Action) -> None:
        self._told(request, action)
        match action:
            case GiveUp():
                request.ended_s, request.gave_up = self.now, action
            case Wait():
                request.waits.append(action.seconds)
                self.at(self.now + action.seconds, lambda: self._do(request, request.journey.woke(self.now)))
            case Ask():
                self._ask(request, action)

    def _ask(self, request: Request, ask: Ask) -> None:
        takes_s, failure = self.conduct(ask.target.key, self.now)
        # What a driver bounds: the attempt, and the whole request.
        most_s = min(self.timeout_s, request.deadline_s - self.now)
        if takes_s > most_s:
            takes_s, failure = most_s, SILENT
        request.asked.append((ask.target.key, self.now, self.now + takes_s, failure))
        self.at(self.now + takes_s, lambda: self._end(request, ask, failure))

    def _end(self, request: Request, ask: Ask, failure: Failure | None) -> None:
        if failure is not None:
            self._join(request, ask)
            self._do(request, request.journey.failed(ask, self.now, failure))
            return
        request.journey.answered(ask, self.now, self.now - ask.began_s, 10, 20)
        request.ended_s, request.is_answered = self.now, True
        self._told(request, None)

    def _join(self, request: Request, ask: Ask) -> None:
        if request.began_alone and len(request.asked) == 1:
            request.journey.goes_on_from(ask)

    def _leave(self, request: Request, ask: Ask) -> None:
        request.journey.left(ask)
        request.ended_s = self.now
        self._told(request, None)

    def _told(self, request: Request, action: Action | None) -> None:
        if self.watch is not None:
            self.watch(self.now, request, action)

    def targets(self) -> dict[str, Target]:
        """All deployments by key."""
        return {target.key: target for group in self.groups.values() for target in group.targets()}
