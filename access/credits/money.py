"""Amounts and months. Pure: dollars are Decimals, nano-dollars (1e-9 USD) whole numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from access.models.money import NANO

DECIMALS = 9
CENT = Decimal("0.01")
# A million dollars: the maximum of one movement, hold or charge. A 64-bit column can hold the sum of thousands of them.
MOST_NANOUSD = 1_000_000 * NANO


def usd_of(nanousd: int) -> Decimal:
    """Nano-dollars as dollars; exact."""
    return Decimal(nanousd) / NANO


def nanousd_of(usd: Decimal) -> int:
    """Dollars as nano-dollars; raises ValueError for anything but a number, and for more than nine decimals."""
    if not usd.is_finite() or usd * NANO != int(usd * NANO):
        raise ValueError(f"Give an amount in dollars with at most {DECIMALS} decimals.")
    return int(usd * NANO)


def dollars(usd: Decimal, *, rounding: str = ROUND_HALF_EVEN) -> str:
    """`$1,234.50`, `−$2.00`, `$0.0123`: cents, or three significant digits below a dollar."""
    value = abs(usd)
    places = CENT if value >= 1 or not value else min(CENT, Decimal(1).scaleb(value.adjusted() - 2))
    text = f"{value.quantize(places, rounding):,f}"
    whole, _, part = text.partition(".")
    return f"{'−' if usd < 0 else ''}${whole}.{part.rstrip('0').ljust(2, '0')}"


def month_of(moment: datetime) -> date:
    """The first day of the month of a moment, in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def month_end(month: date) -> datetime:
    """When the month after this one begins, in UTC."""
    year, number = (month.year + 1, 1) if month.month == 12 else (month.year, month.month + 1)
    return datetime(year, number, 1, tzinfo=UTC)
