"""Routing groups for the diagram: from their rows, or from the copy that a run keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from engine.exceptions import BadInput
from engine.faults.scenarios import Scenario
from engine.rehearsal.jobs import specs_from_json
from engine.rehearsal.profiles import Profile
from engine.spec import GroupSpec, Strategy
from groups.config_checks import fallback_names
from groups.models import Deployment, RoutingGroup
from groups.specs import region_of
from providers.presets import colour_of
from tester.models import Run
from tester.scene import MOST_DEPLOYMENTS, DrawnDeployment, DrawnFault, DrawnGroup
from tester.traces.fault_windows import drawn_faults


def drawn_group(group: RoutingGroup) -> DrawnGroup:
    """A group for the diagram, without disabled deployments. One query unless its deployments are prefetched."""
    prefetch_related_objects([group], Prefetch("deployments", Deployment.objects.select_related("model__provider")))
    return drawn_draft(group, group.deployments.all())


def drawn_draft(group: RoutingGroup, deployments: Iterable[Deployment]) -> DrawnGroup:
    """The same with unsaved or edited deployments."""
    rows = [row for row in deployments if row.model.enabled and row.model.provider.enabled]
    drawn = tuple(_drawn(row) for row in rows[:MOST_DEPLOYMENTS])
    return DrawnGroup(group.name, Strategy(group.strategy), drawn, has_elsewhere=bool(_fallback_names(group)))


def drawn_group_of(run: Run) -> DrawnGroup:
    """The group of a run at its time, with the faults of its scenario; runs of older versions did not keep it: theirs
    is the current group or that of the result."""
    fields = ("config__group", "config__scenario", "config__profiles", "engine_input")
    kept, *rest = Run.objects.filter(pk=run.pk).values_list(*fields).first() or (None, None, None, None)
    if kept is not None:
        group = from_json(kept)
    else:
        found = RoutingGroup.objects.filter(runs=run).first()
        group = _from_result(run) if found is None else drawn_group(found)
    return replace(group, faults=_faults(group, *rest))


def _faults(group: DrawnGroup, scenario: Any, profiles: Any, engine_input: Any) -> tuple[DrawnFault, ...]:
    """None for real requests, and for runs of a version that this one can't read."""
    if scenario is None:
        return ()
    try:
        known = {name: Profile.from_json(row) for name, row in (profiles or {}).items()}
        return drawn_faults(Scenario.from_json(scenario), group, _specs(engine_input), known)
    except BadInput:
        return ()


def _specs(engine_input: Any) -> tuple[GroupSpec, ...]:
    try:
        return specs_from_json(engine_input)
    except (KeyError, TypeError, ValueError):
        return ()


def to_json(group: DrawnGroup) -> dict[str, Any]:
    """Plain JSON, to store with a run; its faults are in the run's scenario."""
    return {name: value for name, value in asdict(group).items() if name != "faults"}


def from_json(data: Mapping[str, Any]) -> DrawnGroup:
    """The group that `to_json` described."""
    deployments = tuple(DrawnDeployment(**row) for row in data["deployments"])
    return DrawnGroup(data["name"], Strategy(data["strategy"]), deployments, data.get("has_elsewhere", False))


def _fallback_names(group: RoutingGroup) -> list[str]:
    """The groups that answer for this one; none for a configuration that is not valid yet."""
    try:
        return [*fallback_names(group.fallback_config)]
    except (TypeError, ValueError, AttributeError):
        return []


def _drawn(row: Deployment) -> DrawnDeployment:
    provider = row.model.provider
    return DrawnDeployment(
        deployment_id=str(row.model_id),
        name=row.display_name or provider.name,
        provider=provider.name,
        colour=colour_of(provider.type, provider.name),
        priority=row.priority,
        weight=row.weight,
        region=row.region or region_of(provider),
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
