"""Keeps, renames and deletes the filters of one person. They are their own, so nobody else's right is asked for."""

from __future__ import annotations

from django.db import IntegrityError
from django.db.transaction import atomic

from access.models import User
from lib.exceptions import Conflict
from usage.models import SavedFilter

# More than fit into a row of links.
MOST_SAVED = 30
TAKEN = "You have a filter of this name. Choose another name, or delete that filter first."


def filters_of(person: User) -> list[SavedFilter]:
    """By name; one query."""
    return list(SavedFilter.objects.filter(person=person)[:MOST_SAVED])


@atomic
def save_filter(*, by: User, name: str, query: str) -> SavedFilter:
    """Raises Conflict for a second one of a name, and for one too many."""
    if SavedFilter.objects.filter(person=by).count() >= MOST_SAVED:
        raise Conflict(f"You have {MOST_SAVED} filters, which is the most. Delete one first.")
    return _named(SavedFilter(person=by, query=query), name)


def rename_filter(*, saved: SavedFilter, name: str) -> SavedFilter:
    """Raises Conflict if another one has the name."""
    return _named(saved, name)


def _named(saved: SavedFilter, name: str) -> SavedFilter:
    saved.name = name
    try:
        with atomic():
            saved.save()
    except IntegrityError:
        raise Conflict(TAKEN) from None
    return saved
