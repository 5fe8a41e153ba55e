"""Tokens, money and shares in templates, formatted by `usage/amounts.py`."""

from __future__ import annotations

from django import template

from usage.amounts import cost, percent, short

register = template.Library()
register.filter("short", short)
register.filter("cost", cost)
register.filter("percent", percent)
