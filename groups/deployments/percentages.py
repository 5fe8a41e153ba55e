"""Weights as whole percentages that add up to 100."""

from __future__ import annotations

from collections.abc import Sequence

# As the API and the builder accept them.
MOST_WEIGHT = 1_000_000


def percentages(weights: Sequence[float]) -> list[int]:
    """Each weight's share of all, in whole percent, by largest remainder; all zeros give zeros.

    Source: Hamilton's method. Ties go to the earlier weight.
    """
    total = sum(weights)
    if total <= 0:
        return [0] * len(weights)
    exact = [100 * weight / total for weight in weights]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: shares[n] - exact[n])
    for n in by_remainder[: 100 - sum(shares)]:
        shares[n] += 1
    return shares


def as_percentages(weights: Sequence[int], is_live: Sequence[bool]) -> list[int]:
    """The weights as percentages: those that are live add up to 100, the others keep their proportion to them.

    A weight above 0 stays above 0, so that no deployment loses its traffic; of at most 100 weights. Where nothing live
    has a weight, all are counted; where nothing has one, all get the same.
    """
    given = list(weights) if any(weights) else [1] * len(weights)
    live = [weight if lives else 0 for weight, lives in zip(given, is_live, strict=True)]
    counted = live if any(live) else given
    shares = [max(share, min(weight, 1)) for share, weight in zip(percentages(counted), counted, strict=True)]
    for _ in range(sum(shares) - 100):
        shares[shares.index(max(shares))] -= 1
    per_weight = 100 / max(sum(counted), 1)
    beside = [min(MOST_WEIGHT, max(round(weight * per_weight), min(weight, 1))) for weight in given]
    return [share if count else other for share, count, other in zip(shares, counted, beside, strict=True)]
