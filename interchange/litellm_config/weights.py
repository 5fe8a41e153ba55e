"""LiteLLM's numbers for order and weight -> whole numbers in our ranges. Pure."""

from __future__ import annotations

from collections.abc import Sequence

HIGHEST_PRIORITY = 1000
LARGEST_WEIGHT = 1_000_000


def tiers(orders: Sequence[int | None]) -> list[int | None]:
    """Priorities from 1. None if no deployment has an order; otherwise those without come last, as in LiteLLM."""
    said = [order for order in orders if order is not None]
    if not said:
        return [None] * len(orders)
    last = max(said) + 1
    wanted = [last if order is None else order for order in orders]
    if min(wanted) >= 1 and max(wanted) <= HIGHEST_PRIORITY:
        return list(wanted)
    ranks = {order: rank for rank, order in enumerate(sorted(set(wanted)), start=1)}
    return [ranks[order] for order in wanted]


def whole_weights(weights: Sequence[float | None], *, needed: bool) -> list[int | None]:
    """Whole weights in the same proportions, from 0 to a million. `needed`: an absent one is 0, as in LiteLLM."""
    said = [weight for weight in weights if weight is not None]
    scale = _scale(said)
    return [0 if weight is None and needed else _scaled(weight, scale) for weight in weights]


def _scale(weights: Sequence[float]) -> float:
    """The smallest power of ten that makes all of them whole, else what makes the largest a million."""
    for power in range(7):
        scaled = [weight * 10**power for weight in weights]
        if max(scaled, default=0) > LARGEST_WEIGHT:
            break
        if all(abs(weight - round(weight)) < 1e-6 for weight in scaled):
            return 10.0**power
    return LARGEST_WEIGHT / max(weights)


def _scaled(weight: float | None, scale: float) -> int | None:
    """At least 1 for anything above 0."""
    if weight is None:
        return None
    return 0 if weight == 0 else max(1, round(weight * scale))
