"""Ids as people and programs send them: text that may be anything."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID


def uuid_of(text: str) -> UUID | None:
    """The id that this text is, in any spelling; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def uuids_of(texts: Iterable[str]) -> list[UUID]:
    """Those of the texts that are ids, in their order."""
    return [found for text in texts if (found := uuid_of(text))]
