"""Formats times in templates."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def ago(moment: datetime) -> str:
    """`3 days ago`, in one unit; `just now` within a minute."""
    text = timesince(moment, depth=1)
    return "just now" if text.startswith("0") else f"{text} ago"


@register.filter
def ms(duration_ms: float) -> str:
    """`4 ms`, `149 ms`, `2.31 s`."""
    if duration_ms >= 1000:
        return f"{duration_ms / 1000:.2f} s"
    return f"{duration_ms:.0f} ms" if duration_ms >= 1 else "< 1 ms"


@register.filter
def tokens(count: int) -> str:
    """`131k`, `1M`, `512`: a context window, about."""
    if count >= 1_000_000:
        return f"{count / 1_000_000:.1f}".removesuffix(".0") + "M"
    return f"{count / 1000:.0f}k" if count >= 1000 else str(count)
