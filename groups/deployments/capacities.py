"""The capacity of a deployment's upstream, which rehearsals count with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from engine.exceptions import BadInput
from engine.rehearsal.capacity import Capacity


def check_capacity(known: Any) -> None:
    """Raises for what no capacity has; an empty object is one that nobody knows."""
    if known == {}:
        return
    try:
        Capacity.from_json(known)
    except BadInput as error:
        raise ValidationError(f"{error.field}: {error.message}") from None


def capacity_of(known: Mapping[str, Any]) -> Capacity | None:
    """The stored capacity as the engine has it."""
    return Capacity.from_json(known) if known else None
