"""The average price of a provider. Pure."""

from __future__ import annotations

from typing import Any


def average_usd(provider: Any) -> float | None:
    """The mean price per million tokens of a provider from `with_catalog()`, None if no price is known."""
    known = [float(cost) for cost in (provider.avg_input, provider.avg_output) if cost is not None]
    return round(sum(known) / len(known), 6) if known else None
