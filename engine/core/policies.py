"""The seven strategies: each picks one of the candidates (never none), which can be asked and have room.

Pure: what they know is on the targets, chance comes from the caller's `rng`. Where they differ from LiteLLM's Router
on purpose, docs/decisions says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

from engine.core.state import Pick, Target

# Answers within this share of the fastest are as good; else the fastest would get everything until it is slow.
AS_FAST = 0.1
# The share of requests that may measure again what was not measured lately: more, and a group with little traffic would
# do nothing else.
LOOKS_AGAIN = 0.1


def shuffle(candidates: Sequence[Target], rng: Random, is_stream: bool, now: float) -> Target:
    """Evenly, as within a tier of priority-failover."""
    return candidates[int(rng.random() * len(candidates))]


def weighted(candidates: Sequence[Target], rng: Random, is_stream: bool, now: float) -> Target:
    """By the weights, which are above 0."""
    at = rng.random() * sum(target.weight for target in candidates)
    for target in candidates:
        at -= target.weight
        if at < 0:
            return target
    return candidates[-1]


def least_busy(candidates: Sequence[Target], rng: Random, is_stream: bool, now: float) -> Target:
    """The fewest in flight, here and in the other processes; among equals by chance."""
    return _lowest(candidates, rng, lambda target: target.health.in_flight + target.health.away)


def fastest(candidates: Sequence[Target], rng: Random, is_stream: bool, now: float) -> Target:
    """The lowest latency: to the first token of a stream, else per token. Those within AS_FAST of it are alike.

    One that was never measured comes first, one that was not measured lately now and then; each with one request at a
    time, counted over all processes.
    """
    values = [_latency_s(target, is_stream) for target in candidates]
    stale = [target for target in candidates if _is_stale(target, is_stream, now)]
    if stale and min(values) > 0 and rng.random() < LOOKS_AGAIN:
        return shuffle(stale, rng, is_stream, now)
    limit = min(values) * (1 + AS_FAST)
    return shuffle([t for t, value in zip(candidates, values, strict=True) if value <= limit], rng, is_stream, now)


def _latency_s(target: Target, is_stream: bool) -> float:
    health = target.health
    pace = health.first_token if is_stream else health.token
    if not pace.count:
        return math.inf if health.in_flight + health.away else 0.0
    return pace.mean_s


def _is_stale(target: Target, is_stream: bool, now: float) -> bool:
    health = target.health
    pace = health.first_token if is_stream else health.token
    return bool(pace.count) and not pace.is_fresh(now) and not health.in_flight + health.away


def cheapest(candidates: Sequence[Target], rng: Random, is_stream: bool, now: float) -> Target:
    """The lowest price of tokens, 0 being the lowest; unknown ones last; among equals by chance."""
    return _lowest(candidates, rng, lambda target: math.inf if target.cost_usd is None else target.cost_usd)


def least_used(candidates: Sequence[Target], rng: Random, is_stream: bool, now: float) -> Target:
    """The fewest tokens in this minute (as a share of its limit where all have one); among equals by chance."""
    for target in candidates:
        target.health.roll(now)
    if all(target.tpm for target in candidates):
        return _lowest(candidates, rng, lambda target: target.health.tokens / (target.tpm or 1))
    return _lowest(candidates, rng, lambda target: target.health.tokens)


def _lowest(candidates: Sequence[Target], rng: Random, value_of: Callable[[Target], float]) -> Target:
    values = [value_of(target) for target in candidates]
    lowest = min(values)
    alike = [target for target, value in zip(candidates, values, strict=True) if value == lowest]
    return alike[0] if len(alike) == 1 else alike[int(rng.random() * len(alike))]


POLICIES: dict[str, Pick] = {
    "priority-failover": shuffle,
    "weighted": weighted,
    "simple-shuffle": shuffle,
    "least-busy": least_busy,
    "latency-based-routing": fastest,
    "cost-based-routing": cheapest,
    "usage-based-routing-v2": least_used,
}
