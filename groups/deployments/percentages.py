"""Weights as whole percentages that add up to 100."""

from __future__ import annotations

from collections.abc import Sequence


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
