"""Formats numbers, money and times for people. `templatetags/formats.py` has the same as filters."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.timesince import timesince

from access.credits.money import dollars, usd_of
from lib.typography import THIN

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
SHORT_FROM = 10_000


def count(number: int) -> str:
    """`12,456`."""
    return f"{number:,}"


def short(number: float) -> str:
    """`9,876`, `12.3 k`, `1.2 M`, `4 B`: about. Put the exact number into a title."""
    if number < SHORT_FROM:
        return f"{number:,.0f}"
    unit, name = next((unit, name) for unit, name in UNITS if round(number / unit, 1) >= 1)
    return f"{number / unit:,.1f}".removesuffix(".0") + f" {name}"


def tokens(number: int) -> str:
    """`131k`, `1M`, `512`: a context window, about."""
    if number >= 1_000_000:
        return f"{number / 1_000_000:.1f}".removesuffix(".0") + "M"
    return f"{number / 1000:.0f}k" if number >= 1000 else str(number)


def signed_percent(percent: int) -> str:
    """`+12 %`, `−5 %`, `0 %`."""
    sign = "+" if percent > 0 else "−" if percent < 0 else ""
    return f"{sign}{abs(percent):,}{THIN}%"


def cost(amount_usd: float | None) -> str:
    """A cost: `$0`, `$0.0012`, `$0.42`, `$1,234.50`: cents, or two significant digits below a cent."""
    amount = Decimal(str(amount_usd or 0))
    if not amount:
        return "$0"
    if abs(amount) >= Decimal("0.01"):
        return f"${amount:,.2f}"
    return f"${round(amount, 1 - amount.adjusted()):f}"


def usd(amount: Any) -> str:
    """A price: `$2.50`, `$0.075`, `$1,234.56`: cents, or up to six decimals below a dollar."""
    value = Decimal(str(amount))
    if value == round(value, 2):
        return f"${value:,.2f}"
    return f"${value:,.2f}" if value >= 1 else f"${round(value, 6).normalize():f}"


def money(usd: Decimal) -> str:
    """Credits: `$1,234.50`, `−$2.00`, `$0.0123`."""
    return dollars(usd)


def moved(nanousd: int) -> str:
    """An amount of the ledger, with its sign: `+$5.00`, `−$0.0123`."""
    return f"{'+' if nanousd > 0 else ''}{dollars(usd_of(nanousd))}"


def stood(nanousd: int) -> str:
    """A balance of the ledger: `$7.25`."""
    return dollars(usd_of(nanousd))


def ms(duration_ms: float) -> str:
    """`4 ms`, `149 ms`, `2.31 s`."""
    if duration_ms >= 1000:
        return f"{duration_ms / 1000:.2f} s"
    return f"{duration_ms:.0f} ms" if duration_ms >= 1 else "< 1 ms"


def ago(moment: datetime) -> str:
    """`3 days ago`, in one unit; `just now` within a minute."""
    text = timesince(moment, depth=1)
    return "just now" if text.startswith("0") else f"{text} ago"


def scenario_name(name: str) -> str:
    """`Primary outage` for the slug of one of ours; the name that people gave theirs stays."""
    return name.replace("-", " ").capitalize() if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) else name
