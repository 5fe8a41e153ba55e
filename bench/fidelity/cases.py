"""The cases: a group, the world behind it, what its operator tells the rehearsal of that world, and the traffic.

Speeds are told by nobody: the rehearsal has them from the request log. A trouble is described twice, in the words of
the upstream (`upstream.py`), and in those of a scenario (docs/guide/rehearse.md).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
OFF: Row = {"cooldown_time_s": 0}


@dataclass(frozen=True)
class Trouble:
    """What goes wrong at one upstream: in its own words, and in those of a scenario, without the target."""

    world: Row
    told: Row


def failing(share: float, *, after_ms: float = 40.0, **window: float) -> Trouble:
    """503, of so many requests."""
    told = {"kind": "error", "status": 503, "probability": share, "after_s": after_ms / 1000, **window}
    return Trouble({"does": "status", "status": 503, "share": share, "after_ms": after_ms, **window}, told)


def out(from_s: float, until_s: float) -> Trouble:
    """Down: 503 for all."""
    window = {"from_s": from_s, "until_s": until_s}
    return Trouble({"does": "status", "status": 503, **window}, {"kind": "outage", **window})


def flapping(period_s: float, down_s: float) -> Trouble:
    """Down for the first part of each period."""
    span = {"period_s": period_s, "down_s": down_s}
    return Trouble({"does": "status", "status": 503, **span}, {"kind": "flapping", **span})


def limiting(share: float, wait_s: int, **window: float) -> Trouble:
    """429 with Retry-After, of so many requests."""
    told = {"kind": "rate_limit", "probability": share, "retry_after_s": wait_s, **window}
    return Trouble({"does": "status", "status": 429, "share": share, "retry_after_s": wait_s, **window}, told)


def hanging(share: float) -> Trouble:
    """No answer, to so many requests."""
    return Trouble({"does": "hang", "share": share}, {"kind": "timeout", "probability": share})


def slow(factor: float, **window: float) -> Trouble:
    """Everything takes so many times as long."""
    return Trouble({"does": "slow", "factor": factor, **window}, {"kind": "slow", "factor": factor, **window})


def cutting(share: float) -> Trouble:
    """So many streams break off half-way."""
    return Trouble({"does": "cut", "share": share}, {"kind": "stream_cut", "probability": share})


def stalling(share: float) -> Trouble:
    """So many streams fall silent half-way."""
    return Trouble({"does": "stall", "share": share}, {"kind": "stream_stall", "probability": share})


def crowded(**capacity: float) -> Trouble:
    """`slots`, `queue`, `decode_tokens_per_s`."""
    return Trouble({}, {"kind": "capacity", "slots": 1000, **capacity})


@dataclass(frozen=True)
class Place:
    """One deployment and the upstream behind it. `world` are the upstream's fields, `row` those of the deployment in
    its group, `model` those of its catalog entry; `group` is the case's own, or the name of a fallback group."""

    name: str
    world: Row = field(default_factory=dict)
    row: Row = field(default_factory=dict)
    model: Row = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Traffic:
    """Requests of chance, `per_s` for so long. `prompt` and `answer` are the fewest and the most tokens; of a share
    `long` the prompts have `long_prompt`."""

    per_s: float = 14.0
    lasts_s: float = 30.0
    prompt: tuple[int, int] = (20, 120)
    answer: tuple[int, int] = (10, 40)
    is_stream: bool = False
    long: float = 0.0
    long_prompt: int = 0
    burst: int = 0

    def arrivals(self, name: str) -> list[list[Any]]:
        """`[at_s, tokens of the prompt, tokens of the answer]`, the same ones for a name."""
        rng, at_s, found = random.Random(name), 0.0, list[list[Any]]()
        if self.burst:
            return [[0.0, self.prompt[0], self.answer[0]] for _ in range(self.burst)]
        while (at_s := at_s + rng.expovariate(self.per_s)) < self.lasts_s:
            prompt = self.long_prompt if rng.random() < self.long else rng.randint(*self.prompt)
            found.append([round(at_s, 4), prompt, rng.randint(*self.answer)])
        return found


@dataclass(frozen=True)
class Case:
    """One case. `is_by_minute`: limits a minute decide, so its first second is that of a minute; `calls` are those by
    which each upstream is measured before, `told` what the scenario says beside its faults, and `why` the reason where
    it is known to be outside."""

    name: str
    strategy: str
    places: tuple[Place, ...]
    traffic: Traffic = Traffic()
    retry: Row = field(default_factory=lambda: {"num_retries": 1, "timeout_s": 10})
    cooldown: Row = field(default_factory=dict)
    settings: Row = field(default_factory=dict)
    fallback: Mapping[str, list[str]] = field(default_factory=dict)
    processes: int = 1
    is_shared: bool = False
    is_by_minute: bool = False
    calls: int = 150
    told: Row = field(default_factory=dict)
    why: str = field(default="", repr=False)  # explaining a case does not change it

    @property
    def slug(self) -> str:
        """Its name for addresses."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.name.lower()).split())

    @property
    def arrivals(self) -> list[list[Any]]:
        """The traffic, the same on both sides."""
        return self.traffic.arrivals(self.slug)

    def world_of(self, place: Place) -> Row:
        """What the upstream is told that it is."""
        return {**place.world, "troubles": [one.world for one in place.troubles if one.world]}


# Upstreams: one with a tail, a steady one, and one that is now and then much slower.
QUICK: Row = {"first_ms": 150, "spread": 0.5, "write_ms": 4}
STEADY: Row = {"first_ms": 260, "spread": 0.1, "write_ms": 5, "uneven": 0.1}
MOODY: Row = {"first_ms": 200, "spread": 0.3, "rare": 0.12, "rare_ms": 500, "write_ms": 6, "uneven": 0.3}
STREAMED = Traffic(is_stream=True, answer=(20, 80))


def tiers(*places: Place) -> tuple[Place, ...]:
    """In this order."""
    return tuple(_with(place, priority=n) for n, place in enumerate(places, start=1))


def weights(shares: tuple[int, ...], *places: Place) -> tuple[Place, ...]:
    """With these weights."""
    return tuple(_with(place, weight=share) for share, place in zip(shares, places, strict=True))


def _with(place: Place, **row: Any) -> Place:
    return Place(place.name, place.world, {**row, **place.row}, place.model, place.troubles, place.group)


def quick(*troubles: Trouble, **rest: Any) -> Place:
    """The one with a tail."""
    return Place("quick", {**QUICK, **rest.pop("world", {})}, troubles=troubles, **rest)


def steady(*troubles: Trouble, **rest: Any) -> Place:
    """The steady one."""
    return Place("steady", {**STEADY, **rest.pop("world", {})}, troubles=troubles, **rest)


def moody(*troubles: Trouble, **rest: Any) -> Place:
    """The one that is now and then much slower."""
    return Place("moody", {**MOODY, **rest.pop("world", {})}, troubles=troubles, **rest)


NEVER = {"num_retries": 0, "timeout_s": 10}
ORDERED, WEIGHTED, SHUFFLED = "priority-failover", "weighted", "simple-shuffle"
BUSY, FASTEST, CHEAPEST, LEAST_USED = (
    "least-busy", "latency-based-routing", "cost-based-routing", "usage-based-routing-v2",
)  # fmt: skip
DEAR, CHEAP = ({"input_cost_per_million": price, "output_cost_per_million": price} for price in (10, 1))
IN_FALLBACK = {"group": "spare"}
SLOW_TAIL = (
    "One in eight of moody's answers takes half a second longer, which is about one in twenty of all: the p95 lies "
    "where they begin, and a few more or fewer of them, measured or played, move it from one side to the other."
)

CASES = (
    Case("ordered, 15 % errors", ORDERED, tiers(quick(failing(0.15)), steady(failing(0.15)), moody(failing(0.15))),
         retry=NEVER, cooldown=OFF),
    Case("ordered, an outage", ORDERED, tiers(quick(out(8, 18)), moody())),
    Case("ordered, flapping", ORDERED, tiers(quick(flapping(8, 3)), steady())),
    Case("ordered, Retry-After", ORDERED, tiers(quick(limiting(1, 3, from_s=6, until_s=16)), steady())),
    Case("ordered, hanging", ORDERED, tiers(quick(hanging(0.1)), steady()), retry={"num_retries": 1, "timeout_s": 2}),
    Case("everything down", ORDERED, tiers(quick(out(5, 20)), steady(out(5, 20)))),
    Case("weighted, an outage", WEIGHTED, weights((70, 20, 10), quick(out(8, 18)), steady(), moody())),
    Case("weighted, 30 % errors", WEIGHTED, weights((60, 40), quick(failing(0.3)), steady()),
         cooldown={"cooldown_time_s": 3, "allowed_fails": 2}),
    Case("shuffled, hanging", SHUFFLED, (quick(), steady(), moody(hanging(0.15))),
         retry={"num_retries": 1, "timeout_s": 2}),
    Case("least busy, one gets slow", BUSY, (quick(), steady(slow(4, from_s=6, until_s=22)), moody())),
    Case("fastest, one fails", FASTEST, (quick(world={"first_ms": 60}, ), steady(failing(0.2)), moody())),
    Case("fastest, streams, one gets slow", FASTEST, (quick(slow(5, from_s=8)), steady(), moody()), STREAMED),
    Case("cheapest, rate limited", CHEAPEST, (quick(model=DEAR), steady(limiting(0.05, 3), model=CHEAP)),
         why="One 429 in twenty requests opens the breaker for three seconds each time, so its share is a sum of few "
         "long pauses: thirty seconds of traffic have too few of them to say more."),
    Case("least used, one fails", LEAST_USED, (quick(), steady(failing(0.2)), moody()), is_by_minute=True),
    Case("tokens a minute", ORDERED, tiers(quick(row={"tpm": 12_000}), steady()),
         Traffic(prompt=(20, 120), lasts_s=35), is_by_minute=True),
    Case("requests a minute, all limited", ORDERED, tiers(quick(row={"rpm": 150}), steady(row={"rpm": 150})),
         Traffic(lasts_s=35), is_by_minute=True),
    Case("two slots behind an outage", ORDERED,
         tiers(quick(out(3, 13)), moody(crowded(slots=2), world={"slots": 2})), Traffic(lasts_s=20)),
    Case("two slots and a queue", ORDERED,
         tiers(quick(out(3, 13)), moody(crowded(slots=2, queue=4), world={"slots": 2, "queue": 4})),
         Traffic(lasts_s=20)),
    Case("shared tokens a second", BUSY,
         (steady(crowded(decode_tokens_per_s=300), world={"tokens_per_s": 300, "uneven": 0}), quick()),
         Traffic(answer=(30, 80))),
    Case("places at a time", ORDERED, tiers(quick(row={"max_parallel": 2, "max_wait_s": 0.3}), steady())),
    Case("streams cut", ORDERED, tiers(quick(cutting(0.1)), steady()), STREAMED, settings={"rescue": "off"}),
    Case("streams cut and stalled, rescued", ORDERED, tiers(quick(cutting(0.08), stalling(0.04)), steady()), STREAMED,
         retry={"num_retries": 1, "timeout_s": 10, "stream_idle_timeout_s": 1.5}, settings={"rescue": "auto"},
         told={"rescue": {"restarted": 1}}),
    Case("streams stalled", WEIGHTED, weights((50, 50), quick(stalling(0.06)), steady()), STREAMED,
         retry={"num_retries": 1, "timeout_s": 10, "stream_idle_timeout_s": 1.5}, settings={"rescue": "off"}),
    Case("hedged", ORDERED, tiers(moody(), steady()), settings={"hedge": {"enabled": True, "after_ms": 450,
         "budget": 0.2}}),
    Case("a fallback group", ORDERED,
         (*tiers(quick(out(6, 18)), steady(failing(0.5, from_s=6, until_s=18))),
          moody(row={"priority": 1}, **IN_FALLBACK)), fallback={"fallback_groups": ["spare"]},
         why="Half of steady's answers fail while the first deployment is down, so its single probes decide whether it "
         "serves or rests for most of that time. Few seeds, about one in seven, give it 9 to 33 % of the answers and "
         "the others less than 5 %; live runs do both, too (three more gave 1.6 to 2.5 %)."),
    Case("long prompts", ORDERED,
         (*tiers(quick(world={"context": 1000}, model={"context_length": 1000})),
          moody(row={"priority": 1}, **IN_FALLBACK)), Traffic(long=0.3, long_prompt=2500),
         fallback={"context_window_groups": ["spare"]}),
    Case("4 processes alone, an outage", ORDERED, tiers(quick(out(8, 18)), moody()), processes=4),
    Case("4 processes alone, fastest", FASTEST, (quick(slow(5, from_s=10)), steady(), moody()), processes=4,
         why="Each process learns from a quarter of the answers who is fastest; the first few decide what it tries."),
    Case("4 processes alone, requests a minute", ORDERED, tiers(quick(row={"rpm": 60}), steady()),
         Traffic(lasts_s=35), processes=4, is_by_minute=True),
    Case("4 processes together, an outage", ORDERED, tiers(quick(out(8, 18)), moody()), processes=4, is_shared=True,
         why=SLOW_TAIL),
    Case("4 processes together, failures that are borne", WEIGHTED, weights((60, 40), quick(failing(0.3)), steady()),
         cooldown={"cooldown_time_s": 5, "allowed_fails": 5}, processes=4, is_shared=True),
    Case("4 processes together, least busy", BUSY, (quick(failing(0.1)), steady(), moody()), processes=4,
         is_shared=True, why=SLOW_TAIL),
    Case("4 processes together, requests a minute", ORDERED, tiers(quick(row={"rpm": 240}), steady()),
         Traffic(lasts_s=35), processes=4, is_shared=True, is_by_minute=True),
)  # fmt: skip
