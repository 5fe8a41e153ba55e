"""What is known of each deployment and provider, and a group as the core sees it. Plain numbers, no I/O.

A deployment's `Health`, breaker included, is shared by all groups that have it: it is one upstream. A `Target` is its
place in one group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from engine.core.breaker import Breaker
from engine.core.failures import RULES, Kind, Rule
from engine.core.queues import Queued
from engine.core.wishes import RETRY_SHARE, Wish, Wishes

if TYPE_CHECKING:
    from engine.core.hedging import Beginnings, Hedging

# The weight of the newest measurement in a moving average.
NEWEST = 0.2
MINUTE_S = 60.0
# A latency that nobody has measured for so long is not believed any more.
BELIEVED_S = 60.0
# Of the answers that another process tells of at once: more would not move the average any further.
MOST_HEARD = 16
# Repeats at a provider beside a share of its traffic: some at once and per second for those with little traffic.
RETRIES_AT_ONCE, RETRIES_PER_S = 10.0, 1.0

# The names of breakers: that of a deployment, and that of a provider's key, each with the id behind it.
DEPLOYMENT, KEY = "deployment:", "key:"

Pick = Callable[[Sequence["Target"], Random, bool, float], "Target"]


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that somebody tripped by hand: from `since_s` until `until_s`, and why."""

    since_s: float
    until_s: float
    why: str


class Budget:
    """How many repeats a provider may get, so that retries cannot multiply an outage. A `share` of 0 is none at all.

    Each server process has its own; one that stands for several `processes` holds as much as all of theirs.
    """

    __slots__ = ("_left", "_most", "_per_s", "_seen_s", "share")

    def __init__(self, share: float = RETRY_SHARE, processes: int = 1) -> None:
        self._most, self._per_s = RETRIES_AT_ONCE * processes, RETRIES_PER_S * processes
        self.share, self._left, self._seen_s = share, self._most, 0.0

    def earned(self) -> None:
        """A first request of somebody is sent."""
        if self._left < self._most:
            self._left = min(self._most, self._left + self.share)

    def has_any(self, now: float) -> bool:
        """Whether one repeat more is in it."""
        if now > self._seen_s:
            self._left = min(self._most, self._left + self._per_s * (now - self._seen_s))
            self._seen_s = now
        return self._left >= 1 and self.share > 0

    def spend(self) -> None:
        """A repeat is sent."""
        self._left -= 1


class ProviderState:
    """What all deployments called with one provider's key have in common: whether the key works, and repeats."""

    __slots__ = ("breaker", "budget", "key")

    def __init__(self, key: str) -> None:
        self.key, self.breaker, self.budget = key, Breaker(is_of_key=True), Budget()


class Pace:
    """How long answers took: a moving average in seconds, measured last at `at_s`.

    `untold` of this process's own answers, which took `untold_s` in all, were not told to other processes yet.
    """

    __slots__ = ("at_s", "count", "mean_s", "untold", "untold_s")

    def __init__(self) -> None:
        self.mean_s, self.count, self.at_s = 0.0, 0, -math.inf
        self.untold, self.untold_s = 0, 0.0

    def is_fresh(self, now: float) -> bool:
        """Whether it was measured a moment ago."""
        return now - self.at_s < BELIEVED_S

    def add(self, now: float, seconds: float) -> None:
        """One more answer."""
        self.untold += 1
        self.untold_s += seconds
        count = self.count = self.count + 1 if now - self.at_s < BELIEVED_S else 1
        self.at_s = now
        # The mean of all until there are enough for a moving one: the first answer weighs no more than the others.
        share = 1 / count
        self.mean_s += (share if share > NEWEST else NEWEST) * (seconds - self.mean_s)

    def tell(self) -> tuple[int, float]:
        """How many answers of this process are new, and how long they took in all; they are not new afterwards."""
        told = self.untold, self.untold_s
        self.untold, self.untold_s = 0, 0.0
        return told

    def hear(self, now: float, count: int, total_s: float) -> None:
        """So many answers in another process, which took `total_s` in all."""
        untold = self.untold, self.untold_s
        for _ in range(min(count, MOST_HEARD)):
            self.add(now, total_s / count)
        self.untold, self.untold_s = untold


class Health:
    """In flight, latency, this minute's use and the breaker of one deployment.

    `away` is what other processes have in flight there; `served` are the endpoints that it has answered here. The
    minute that `requests` and `tokens` are counted in ends at `ends_s`; where processes count together it is that of
    their store's clock. `first_token` is the pace of streams to their first token, `token` that of whole answers per
    token of output. `queue` are the requests that wait here for a place. `beginnings` are measured where a group wants
    to know when this one is slow.
    """

    __slots__ = (
        "away", "beginnings", "breaker", "ends_s", "first_token", "in_flight", "key", "minute", "provider", "queue",
        "requests", "served", "token", "tokens",
    )  # fmt: skip

    def __init__(self, key: str, provider: ProviderState) -> None:
        self.key, self.provider, self.breaker = key, provider, Breaker()
        self.in_flight = self.away = 0
        self.queue: list[Queued] = []
        self.beginnings: Beginnings | None = None
        self.served: set[str] = set()
        self.first_token, self.token = Pace(), Pace()
        self.minute, self.ends_s = -1, -math.inf  # how many have begun before it
        self.requests = self.tokens = 0

    def roll(self, now: float) -> None:
        """Begins the minute that `now` is in."""
        if now >= self.ends_s:
            self.ends_s = (now // MINUTE_S + 1) * MINUTE_S
            self.minute, self.requests, self.tokens = self.minute + 1, 0, 0

    def freed(self) -> None:
        """A place may have got free."""
        if self.queue:
            self.queue[0].wake()

    def answered(self, now: float, first_token_s: float | None, total_s: float, output_tokens: int) -> None:
        """One good answer, which took `total_s`; `first_token_s` for a stream."""
        self.token.add(now, total_s / output_tokens if output_tokens else total_s)
        if first_token_s is not None:
            self.first_token.add(now, first_token_s)


@dataclass(slots=True, eq=False)
class Target:
    """A deployment's place in a group. `rank` is the distance of its tier from the first one, in tiers.

    `cost_usd` is that of an input and an output token, `context_tokens` the size of its context, each None when
    unknown. It takes at most `max_parallel` requests at once, of all groups; one more waits up to `max_wait_s`. `spec`
    is the driver's own.
    """

    key: str
    rank: int
    health: Health
    weight: float = 1.0
    cost_usd: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    context_tokens: int | None = None
    max_parallel: int | None = None
    max_wait_s: float = 0.0
    spec: Any = None

    def places(self) -> float:
        """How many requests more it takes at once."""
        return math.inf if self.max_parallel is None else self.max_parallel - self.health.in_flight - self.health.away

    def is_full(self) -> bool:
        """Whether a request that comes now has to wait, behind those that wait already."""
        return self.max_parallel is not None and self.places() <= len(self.health.queue)

    @property
    def is_limited(self) -> bool:
        """Whether it has limits a minute in this group."""
        return self.rpm is not None or self.tpm is not None

    def has_room(self, now: float, tokens: int) -> bool:
        """Whether its limits a minute allow one request more, of at least so many tokens."""
        if self.rpm is None and self.tpm is None:
            return True
        health = self.health
        health.roll(now)
        if self.rpm is not None and health.requests >= self.rpm:
            return False
        return self.tpm is None or (health.tokens < self.tpm and health.tokens + tokens <= self.tpm)


@dataclass(slots=True, eq=False)
class Group:
    """A routing group: its targets in tiers, lowest first, what picks among those of a tier, and how often.

    `repeats` is the most repeats at deployments that were asked before, `moves` the most moves to another tier or
    group. A repeat waits at least `pause_s`, and for an upstream's Retry-After at most `longest_wait_s`. The breakers
    of a group's last deployment are open for at most `last_s`; with `has_breakers` of False it heeds none. `hedging`
    asks a second candidate beside a slow one. `rules` say what follows from a failure. `span` counts its tiers, with
    those of which nothing can be asked; `least_context` is the smallest context that is known.
    """

    name: str
    tiers: tuple[tuple[Target, ...], ...]
    pick: Pick
    repeats: int = 2
    moves: int = 5
    pause_s: float = 0.0
    longest_wait_s: float = 5.0
    last_s: float = 5.0
    has_breakers: bool = True
    hedging: Hedging | None = None
    rules: Mapping[Kind, Rule] = field(default_factory=lambda: RULES)
    general: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    span: int = 1
    spec: Any = None
    has_limits: bool = field(init=False)
    least_context: float = field(init=False)
    has_places: bool = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(map(len, self.tiers))
        self.has_places = any(target.max_parallel is not None for target in self.targets())
        self.has_limits = any(target.is_limited for target in self.targets())
        sizes = (target.context_tokens for target in self.targets())
        self.least_context = min((size for size in sizes if size is not None), default=math.inf)

    def targets(self) -> Iterator[Target]:
        """All of them, in the order of their tiers."""
        return (target for tier in self.tiers for target in tier)


class RoutingState:
    """The deployments and providers of one process, or of one rehearsal, by id."""

    def __init__(self) -> None:
        self._healths: dict[str, Health] = {}
        self._providers: dict[str, ProviderState] = {}
        self._wishes: dict[str, Wishes] = {}  # by deployment
        self._key_wishes: dict[str, Wishes] = {}  # by provider
        self._places: dict[str, dict[str, str]] = {}  # by group: its deployments and their providers
        self.trips: Mapping[str, Trip] = {}

    def health(self, deployment_id: str, provider_id: str) -> Health:
        """The deployment's state, new on first use."""
        if (health := self._healths.get(deployment_id)) is None or health.provider.key != provider_id:
            if (provider := self._providers.get(provider_id)) is None:
                provider = self._providers[provider_id] = ProviderState(provider_id)
                self._trip(KEY + provider_id, provider.breaker)
            health = self._healths[deployment_id] = Health(deployment_id, provider)
            self._trip(DEPLOYMENT + deployment_id, health.breaker)
        return health

    def healths(self) -> Mapping[str, Health]:
        """All deployments by id."""
        return self._healths

    def providers(self) -> Mapping[str, ProviderState]:
        """All providers by id."""
        return self._providers

    def breakers(self) -> Iterator[tuple[str, Breaker]]:
        """All breakers, by the names that processes know them by."""
        for key, health in self._healths.items():
            yield DEPLOYMENT + key, health.breaker
        for key, provider in self._providers.items():
            yield KEY + key, provider.breaker

    def breaker(self, name: str) -> Breaker | None:
        """The breaker of this name."""
        kind, _, key = name.partition(":")
        known: Mapping[str, Health | ProviderState] = self._healths if kind + ":" == DEPLOYMENT else self._providers
        return None if (found := known.get(key)) is None else found.breaker

    def trip(self, trips: Mapping[str, Trip], now: float) -> None:
        """All breakers that are tripped by hand, by their names, in place of those before: others come back at once."""
        before, self.trips = self.trips, trips
        for name, breaker in self.breakers():
            if trips.get(name) == before.get(name):
                continue
            if name in trips:
                self._trip(name, breaker)
            elif breaker.is_tripped(now):
                breaker.close()

    def _trip(self, name: str, breaker: Breaker) -> None:
        if (trip := self.trips.get(name)) is not None:
            breaker.trip(trip.since_s, trip.until_s, trip.why)

    def adopt(self, group_name: str, deployment_ids: Sequence[str], wish: Wish) -> None:
        """What a group wants of its deployments and their providers, in place of what it wanted before.

        A deployment that no group has any more is forgotten.
        """
        self.forget(group_name, kept=deployment_ids)
        places = {deployment_id: self._healths[deployment_id].provider.key for deployment_id in deployment_ids}
        self._places[group_name] = places
        for deployment_id, provider_id in places.items():
            self._wishes.setdefault(deployment_id, Wishes()).put(group_name, wish)
            self._key_wishes.setdefault(provider_id, Wishes()).put(group_name, wish)
            self._follow(deployment_id)
            self._follow_key(provider_id)

    def forget(self, group_name: str, *, kept: Sequence[str] = ()) -> None:
        """The group is gone, or has only the `kept` deployments any more."""
        before = self._places.pop(group_name, {})
        for provider_id in set(before.values()):
            self._key_wishes[provider_id].drop(group_name)
            self._follow_key(provider_id)
        for deployment_id in set(before).difference(kept):
            self._wishes[deployment_id].drop(group_name)
            self._follow(deployment_id)

    def _follow(self, deployment_id: str) -> None:
        if wishes := self._wishes[deployment_id]:
            self._healths[deployment_id].breaker.policy = wishes.breaker()
        else:
            del self._wishes[deployment_id], self._healths[deployment_id]

    def _follow_key(self, provider_id: str) -> None:
        wishes, provider = self._key_wishes[provider_id], self._providers[provider_id]
        provider.breaker.policy, provider.budget.share = wishes.key_breaker(), wishes.retry_share()
