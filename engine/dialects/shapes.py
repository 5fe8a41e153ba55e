"""Values of somebody else's JSON, as the shapes that a reader can work with. Pure."""

from __future__ import annotations

from typing import Any


def listed(value: object) -> list[Any]:
    """A list as it is; an empty one for anything else."""
    return value if isinstance(value, list) else []


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [one for one in listed(value) if isinstance(one, dict)]


def object_of(value: object) -> dict[str, Any]:
    """An object as it is; an empty one for anything else."""
    return value if isinstance(value, dict) else {}
