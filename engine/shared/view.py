"""What a process tells the others of its `RoutingState`, and what their news change in it. No I/O.

What this process knows of itself is in its own numbers; what it hears of others is kept beside them (`Health.away`,
`Breaker.away`) or told to the breaker, which is one for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.core.breaker import Breaker
from engine.core.said import Said
from engine.core.state import RoutingState
from engine.shared.messages import News, Paces

# A process that says nothing for so long is dead, or cut off: what it had in flight does not count any more.
SILENT_S = 3.0
# Revisions of breakers: of a new one, and of none.
UNTOUCHED, NOTHING = 1, 0


class Tally:
    """A number per name, from each of the other processes, and the sum over them."""

    def __init__(self) -> None:
        self._by_process: dict[str, Mapping[str, int]] = {}
        self._sums: dict[str, int] = {}

    def hear(self, process: str, numbers: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        """All numbers of one process, in place of those before; gives each name whose sum may have changed."""
        before = self._by_process.pop(process, {})
        if numbers:
            self._by_process[process] = numbers
        for name in {*before, *numbers}:
            self._sums[name] = self._sums.get(name, 0) + numbers.get(name, 0) - before.get(name, 0)
            yield name, self._sums[name]
            if not self._sums[name]:
                del self._sums[name]


@dataclass(slots=True)
class KnownBreaker:
    """A breaker, and its last revision that this process and the others agree on."""

    breaker: Breaker
    agreed: int

    @property
    def is_agreed(self) -> bool:
        return self.agreed == self.breaker.revision


class SharedView:
    """The state of one process, as it is told and heard."""

    def __init__(self, process: str, state: RoutingState) -> None:
        self.process, self._state = process, state
        self._known: dict[str, KnownBreaker] = {}
        self._told_busy: dict[str, int] = {}
        self._told_running: dict[str, int] = {}
        self._telling: list[tuple[KnownBreaker, int]] = []
        self._busy, self._running = Tally(), Tally()
        self._heard_s: dict[str, float] = {}

    def names(self) -> list[str]:
        """The names of all breakers."""
        return [name for name, _ in self._state.breakers()]

    def unknown(self) -> list[str]:
        """Names of breakers of which this process does not know what the others know."""
        return [name for name, breaker in self._state.breakers() if self._known_one(name, breaker) is None]

    # What is told

    def news(self, now: float, *, is_whole: bool = False) -> News | None:
        """What has changed since the last time (or all that is in flight); None when nothing has."""
        busy = {key: health.in_flight for key, health in self._state.healths().items() if health.in_flight}
        running = {name: breaker.running for name, breaker in self._state.breakers() if breaker.running}
        paces, breakers = dict(self._paces()), self._changed(now)
        is_same = busy == self._told_busy and running == self._told_running
        if is_same and not paces and not breakers and not is_whole:
            return None
        self._told_busy, self._told_running = busy, running
        return News(self.process, busy, running, paces, breakers)

    def delivered(self) -> None:
        """The last news have reached the others: breakers that they were about need not be told again."""
        for known, revision in self._telling:
            known.agreed = revision
        self._telling = []

    def _paces(self) -> Iterator[tuple[str, tuple[int, float, int, float]]]:
        for key, health in self._state.healths().items():
            if health.token.untold or health.first_token.untold:
                yield key, (*health.first_token.tell(), *health.token.tell())

    def _changed(self, now: float) -> dict[str, Said]:
        self._telling, changed = [], {}
        for name, breaker in self._state.breakers():
            known = self._known_one(name, breaker)
            if known is not None and not known.is_agreed:
                self._telling.append((known, breaker.revision))
                changed[name] = breaker.say(now)
        return changed

    # What is heard

    def hear(self, news: News, now: float) -> bool:
        """News of another process; whether it wants to know all that this one knows."""
        is_new = news.process not in self._heard_s
        self._heard_s[news.process] = now
        if news.busy is not None and news.running is not None:
            self._count(news.process, news.busy, news.running)
        self._hear_paces(news.paces, now)
        for name, said in news.breakers.items():
            self._hear_breaker(name, said, now)
        return is_new or news.is_new

    def caught_up(self, names: Iterable[str], found: Mapping[str, Said], now: float) -> None:
        """What is kept of these breakers: all that was told while this process did not listen."""
        for name in names:
            if (breaker := self._state.breaker(name)) is None:
                continue
            is_known = self._known_one(name, breaker) is not None
            known = self._known.setdefault(name, KnownBreaker(breaker, UNTOUCHED))
            if known.breaker is not breaker:
                known.breaker, known.agreed = breaker, UNTOUCHED
            if name in found or is_known:  # one that the others knew, and know no more, they have closed
                self._hear_breaker(name, found.get(name, Said()), now)

    def tell_all(self) -> None:
        """The others may have lost what they were told."""
        for known in self._known.values():
            known.agreed = known.breaker.revision if known.breaker.is_quiet else NOTHING

    def forget_silent(self, now: float) -> None:
        """Processes that have said nothing for too long have nothing in flight."""
        for process in [name for name, at_s in self._heard_s.items() if now - at_s > SILENT_S]:
            del self._heard_s[process]
            self._count(process, {}, {})

    def _hear_breaker(self, name: str, said: Said, now: float) -> None:
        """How another process says a breaker is. What has changed here and was not told yet counts more."""
        if (breaker := self._state.breaker(name)) is None:
            return
        known = self._known_one(name, breaker) or KnownBreaker(breaker, UNTOUCHED)
        if known.is_agreed:
            breaker.hear(now, said)
            known.agreed = breaker.revision
            self._known[name] = known

    def _count(self, process: str, busy: Mapping[str, int], running: Mapping[str, int]) -> None:
        healths = self._state.healths()
        for key, away in self._busy.hear(process, busy):
            if (health := healths.get(key)) is not None:
                health.away = away
                health.freed()
        for name, away in self._running.hear(process, running):
            if (breaker := self._state.breaker(name)) is not None:
                breaker.away = away

    def _hear_paces(self, paces: Paces, now: float) -> None:
        healths = self._state.healths()
        for key, (streams, first_s, answers, token_s) in paces.items():
            if (health := healths.get(key)) is not None:
                health.first_token.hear(now, streams, first_s)
                health.token.hear(now, answers, token_s)

    def _known_one(self, name: str, breaker: Breaker) -> KnownBreaker | None:
        known = self._known.get(name)
        return known if known is not None and known.breaker is breaker else None
