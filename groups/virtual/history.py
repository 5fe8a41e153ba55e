"""The audit log of virtual models: who changed what, and when. Entries outlive their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from access.models import Actor
from groups.models import VirtualModel, VirtualTier
from groups.virtual.scoring import effective
from lib.audit import CHANGED, CREATED, DELETED, changes_between, keep

__all__ = ["CHANGED", "CREATED", "DELETED", "record", "snapshot_of"]

FIELDS = ("name", "description", "default_tier", "is_active")

Snapshot = Mapping[str, Any]


def snapshot_of(row: VirtualModel, tiers: Iterable[VirtualTier]) -> Snapshot:
    """The editable fields of a virtual model, as plain JSON."""
    placed = [{"name": t.name, "minimum_score": t.minimum_score, "pool": t.pool.name} for t in tiers]
    return {**{name: getattr(row, name) for name in FIELDS}, "tiers": placed, "scoring": effective(row.scoring)}


def record(action: int, row: VirtualModel, before: Snapshot, after: Snapshot, *, by: Actor) -> None:
    """Records the changes as `{field: [before, after]}`. Call it in the transaction of the change."""
    changes = changes_between(_lines(before), _lines(after))
    keep(action, row, changes, by=by, snapshot=after or before, revision=row.revision)


def _lines(snapshot: Snapshot) -> dict[str, str]:
    """A snapshot as text, line by line."""
    if not snapshot:
        return {}
    tiers = {f"tier {tier['name']}": _tier(tier) for tier in snapshot["tiers"]}
    scoring = {name: _text(value) for name, value in snapshot["scoring"].items()}
    return {**{name: _text(snapshot[name]) for name in FIELDS}, **tiers, **scoring}


def _tier(tier: Mapping[str, Any]) -> str:
    minimum = "any score" if tier["minimum_score"] is None else f"from {tier['minimum_score']}"
    return f"{tier['pool']}, {minimum}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
