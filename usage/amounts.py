"""Formats tokens, money and shares: short, with the significant digits."""

from __future__ import annotations

from decimal import Decimal

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
SHORT_FROM = 10_000


def short(number: float) -> str:
    """`9,876`, `12.3 k`, `1.2 M`, `4 B`: about. Put the exact number into a title."""
    if number < SHORT_FROM:
        return f"{number:,.0f}"
    unit, name = next((unit, name) for unit, name in UNITS if round(number / unit, 1) >= 1)
    return f"{number / unit:,.1f}".removesuffix(".0") + f" {name}"


def cost(amount_usd: float | None) -> str:
    """`$0`, `$0.0012`, `$0.42`, `$1,234.50`: cents, or two significant digits below a cent."""
    amount = Decimal(str(amount_usd or 0))
    if not amount:
        return "$0"
    if abs(amount) >= Decimal("0.01"):
        return f"${amount:,.2f}"
    return f"${round(amount, 1 - amount.adjusted()):f}"


def percent(share: float | None) -> str:
    """`99.7%` of a share from 0 to 1; never `100%` or `0%` for a share that is not exactly that; `–` if unknown."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(99.9, max(0.1, 100 * share)):.1f}%"
