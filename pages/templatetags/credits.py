"""Formats credits in templates."""

from __future__ import annotations

from decimal import Decimal

from django import template

from access.credits.money import dollars, usd_of

register = template.Library()


@register.filter
def money(usd: Decimal) -> str:
    """`$1,234.50`, `−$2.00`, `$0.0123`."""
    return dollars(usd)


@register.filter
def moved(nanousd: int) -> str:
    """`+$5.00`, `−$0.0123`: an amount of the ledger, with its sign."""
    return f"{'+' if nanousd > 0 else ''}{dollars(usd_of(nanousd))}"


@register.filter
def stood(nanousd: int) -> str:
    """`$7.25`: a balance of the ledger."""
    return dollars(usd_of(nanousd))
