"""Rows -> a reel. The only queries of the live view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from channels.db import database_sync_to_async
from django.db.models import Prefetch, TextField
from django.db.models.functions import Cast

from engine.spec import Strategy
from groups.models import Deployment, RoutingGroup
from providers.colours import colour_of
from tester.live.reel import News, Reel, StoredFrame
from tester.models import Frame, Run
from tester.scene import MOST_DEPLOYMENTS, DrawnDeployment, DrawnGroup

P = ParamSpec("P")
T = TypeVar("T")

MOST_FRAMES_AT_ONCE = 500


async def in_database_thread(look: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The live view's one crossing to synchronous code."""
    found: T = await database_sync_to_async(look)(*args, **kwargs)
    return found


def reel_of(run_id: UUID) -> Reel | None:
    """An empty reel for a run, or None when there is no such run."""
    run = Run.objects.defer("config").filter(pk=run_id).first()
    return None if run is None else Reel(drawn_group_of(run))


def news_of(run_id: UUID, after: int) -> News | None:
    """How a run stands, and its frames after number `after`; two small queries. None: the run was deleted."""
    # The status first: frames are written before a run is said to have ended, so none can be missed.
    run = Run.objects.only("status", "error", "heartbeat_at", "result").filter(pk=run_id).first()
    if run is None:
        return None
    rows = Frame.objects.filter(run_id=run_id, n__gt=after).order_by("n")
    texts = rows.values_list("n", "data__at_ms", Cast("data", TextField()))[:MOST_FRAMES_AT_ONCE]
    frames = [StoredFrame(*row) for row in texts]
    return News(run.current_status, run.current_error, run.result, frames, len(frames) < MOST_FRAMES_AT_ONCE)


def drawn_group_of(run: Run) -> DrawnGroup:
    """The group of a run as it is drawn: as it is now, or, if it is gone, as the run's own result tells."""
    with_rows = Prefetch("deployments", Deployment.objects.select_related("model__provider"))
    group = RoutingGroup.objects.filter(runs=run).prefetch_related(with_rows).first()
    return _from_result(run) if group is None else drawn_group(group)


def drawn_group(group: RoutingGroup) -> DrawnGroup:
    """A group (with its deployments prefetched) as it is drawn: what takes no traffic is left out."""
    rows = [row for row in group.deployments.all() if row.model.enabled and row.model.provider.enabled]
    deployments = tuple(_drawn(row) for row in rows[:MOST_DEPLOYMENTS])
    return DrawnGroup(group.name, Strategy(group.strategy), deployments)


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
