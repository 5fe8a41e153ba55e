"""The formats of the pages as filters for templates."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from lib.typography import unit
from pages import formats
from pages.discs import Disc
from usage.percents import percent

FILTERS = (
    *(formats.count, formats.short, formats.tokens, percent, formats.signed_percent),
    *(formats.cost, formats.usd, formats.money, formats.moved, formats.stood),
    *(formats.ms, formats.ago, formats.scenario_name, unit),
)

# A page of the log has a hundred of these, few of them different: they are drawn once in the life of a process.
DRAWN = 512

register = template.Library()
for function in FILTERS:
    register.filter(function.__name__, function)


@register.filter
@lru_cache(DRAWN)
def icon(name: str) -> SafeString:
    """`{{ "copy"|icon }}`: the same as including `_components/icon.html`, for long tables."""
    return render_to_string("_components/icon.html", {"name": name})


@register.filter
@lru_cache(DRAWN)
def drawn(disc: Disc) -> SafeString:
    """The same as including `_components/disc.html`, for long tables."""
    return render_to_string("_components/disc.html", {"disc": disc})
