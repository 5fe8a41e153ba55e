"""A routing group as one plain JSON object: it is kept for each version, and a restore begins with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from groups.config_checks import SETTINGS
from groups.deployments.placements import Placement
from groups.models import Deployment, RoutingGroup

Snapshot = Mapping[str, Any]

FIELDS = (
    *("name", "description", "strategy", "is_active", "retry_config", "cooldown_config", "fallback_config"),
    *("settings", "assigned_team_ids", "assigned_key_ids"),
)
PLACED = (
    "display_name",
    "priority",
    "weight",
    "rpm",
    "tpm",
    "max_parallel",
    "max_wait_s",
    "extra_headers",
    "extra_body",
    "capacity",
    "region",
)


def snapshot_of(group: RoutingGroup, rows: Iterable[Deployment]) -> dict[str, Any]:
    """The editable fields of a group.

    A deployment names its model twice: by id, and by names in case the model is deleted.
    """
    deployments = [
        {
            "model_id": str(row.model_id),
            "provider": row.model.provider.name,
            "model_name": row.model.name,
            **{name: getattr(row, name) for name in PLACED},
        }
        for row in rows
    ]
    return {**{name: getattr(group, name) for name in FIELDS}, "deployments": deployments}


def fields_of(snapshot: Snapshot) -> dict[str, Any]:
    """The group's own fields, for `create_group` and `update_group`; settings that no longer exist are left out."""
    fields = {name: snapshot[name] for name in FIELDS if name in snapshot}
    known = {key: value for key, value in (fields.get("settings") or {}).items() if key in SETTINGS}
    return {**fields, "settings": known} if "settings" in fields else fields


def model_ids_of(snapshot: Snapshot) -> list[UUID]:
    """The models of the snapshot."""
    return [UUID(row["model_id"]) for row in snapshot["deployments"]]


def placements_of(snapshot: Snapshot, *, known: Iterable[UUID]) -> list[Placement]:
    """The deployments, for the same actions; a model that is not among the `known` ones is looked up by its names."""
    ids = frozenset(known)
    rows = zip(snapshot["deployments"], model_ids_of(snapshot), strict=True)
    return [_placement(row, model_id if model_id in ids else None) for row, model_id in rows]


def _placement(row: Mapping[str, Any], model_id: UUID | None) -> Placement:
    named = {} if model_id else {"provider": row["provider"], "model_name": row["model_name"]}
    return Placement(model_id=model_id, **named, **{name: row[name] for name in PLACED if name in row})
