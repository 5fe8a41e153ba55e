"""What somebody who types into a filter may mean."""

from __future__ import annotations

from django.db.models import Q

from usage.analytics import Choice, Dimension
from usage.analytics.asked import COLUMNS, TOLD_BY_ID
from usage.models import UsageSeries

MOST = 30


def suggestions(dimension: Dimension, typed: str) -> list[Choice]:
    """The first few that have the text in their name, or begin with it as their id; one query."""
    name, pk = COLUMNS[dimension]
    if dimension not in TOLD_BY_ID:
        found = UsageSeries.objects.filter(**{f"{name}__icontains": typed}).exclude(**{name: ""})
        return [Choice(text, text) for text in found.order_by(name).values_list(name, flat=True).distinct()[:MOST]]
    found = UsageSeries.objects.filter(Q(**{f"{name}__icontains": typed}) | Q(**{f"{pk}__startswith": typed}))
    rows = found.exclude(**{pk: ""}).order_by(name, pk).values_list(pk, name).distinct()[:MOST]
    return [Choice(value, text or value) for value, text in rows]
