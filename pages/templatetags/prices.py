"""Formats money in templates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template

register = template.Library()


@register.filter
def usd(amount: Any) -> str:
    """`$2.50`, `$0.075`, `$1,234.56`: US dollars, with more digits below a cent."""
    value = Decimal(str(amount))
    if value == round(value, 2):
        return f"${value:,.2f}"
    return f"${value:,.2f}" if value >= 1 else f"${round(value, 6).normalize():f}"


@register.filter
def signed_percent(percent: int) -> str:
    """`+12%`, `−5%`, `0%`."""
    sign = "+" if percent > 0 else "−" if percent < 0 else ""
    return f"{sign}{abs(percent):,}%"


@register.filter
def count(number: int) -> str:
    """`12,456`."""
    return f"{number:,}"
