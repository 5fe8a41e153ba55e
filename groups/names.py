"""Names for groups that nobody has named yet."""

from __future__ import annotations

from itertools import chain, count

from groups.models import RoutingGroup

LONGEST = 128


def free_name(name: str) -> str:
    """`chat` -> `chat-copy`, or `chat-copy-2`, `-3`, … where that is taken; one query."""
    stem = name[: LONGEST - len("-copy-99999")] + "-copy"
    taken = set(RoutingGroup.objects.filter(name__startswith=stem).values_list("name", flat=True))
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)
