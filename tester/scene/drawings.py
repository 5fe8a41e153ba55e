"""Routing groups for the diagram: from their rows, or from the copy that a run keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from engine.spec import Strategy
from groups.models import Deployment, RoutingGroup
from providers.presets import colour_of
from tester.models import Run
from tester.scene import MOST_DEPLOYMENTS, DrawnDeployment, DrawnGroup


def drawn_group(group: RoutingGroup) -> DrawnGroup:
    """A group for the diagram, without disabled deployments. One query unless its deployments are prefetched."""
    prefetch_related_objects([group], Prefetch("deployments", Deployment.objects.select_related("model__provider")))
    return drawn_draft(group, group.deployments.all())


def drawn_draft(group: RoutingGroup, deployments: Iterable[Deployment]) -> DrawnGroup:
    """The same with unsaved or edited deployments."""
    rows = [row for row in deployments if row.model.enabled and row.model.provider.enabled]
    return DrawnGroup(group.name, Strategy(group.strategy), tuple(_drawn(row) for row in rows[:MOST_DEPLOYMENTS]))


def drawn_group_of(run: Run) -> DrawnGroup:
    """The group of a run at its time; runs of older versions did not keep it: theirs is the current group or that of
    the result."""
    kept: dict[str, Any] | None = Run.objects.filter(pk=run.pk).values_list("config__group", flat=True).first()
    if kept is not None:
        return from_json(kept)
    group = RoutingGroup.objects.filter(runs=run).first()
    return _from_result(run) if group is None else drawn_group(group)


def to_json(group: DrawnGroup) -> dict[str, Any]:
    """Plain JSON, to store with a run."""
    return asdict(group)


def from_json(data: Mapping[str, Any]) -> DrawnGroup:
    """The group that `to_json` described."""
    deployments = tuple(DrawnDeployment(**row) for row in data["deployments"])
    return DrawnGroup(data["name"], Strategy(data["strategy"]), deployments)


def _drawn(row: Deployment) -> DrawnDeployment:
    provider = row.model.provider
    return DrawnDeployment(
        deployment_id=str(row.model_id),
        name=row.display_name or provider.name,
        provider=provider.name,
        colour=colour_of(provider.type, provider.name),
        priority=row.priority,
        weight=row.weight,
    )


def _from_result(run: Run) -> DrawnGroup:
    rows: list[dict[str, Any]] = (run.result or {}).get("traffic_distribution", [])
    has_order = any(row["priority"] is not None for row in rows)
    deployments = tuple(
        DrawnDeployment(
            deployment_id=row["deployment_id"],
            name=row["deployment_name"],
            provider=row["provider"],
            colour=colour_of("custom", row["provider"]),
            priority=row["priority"],
            weight=row["weight"],
        )
        for row in rows[:MOST_DEPLOYMENTS]
    )
    return DrawnGroup(run.group_name, Strategy.PRIORITY_FAILOVER if has_order else Strategy.WEIGHTED, deployments)
