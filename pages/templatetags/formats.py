"""The formats of the pages as filters for templates."""

from __future__ import annotations

from django import template

from lib.typography import unit
from pages import formats
from usage.percents import percent

FILTERS = (
    *(formats.count, formats.short, formats.tokens, percent, formats.signed_percent),
    *(formats.cost, formats.usd, formats.money, formats.moved, formats.stood),
    *(formats.ms, formats.ago, formats.scenario_name, unit),
)

register = template.Library()
for function in FILTERS:
    register.filter(function.__name__, function)
