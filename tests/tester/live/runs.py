"""Runs to watch: rows as the process of a run writes them, and frames of the engine."""

from __future__ import annotations

from typing import Any

from groups.models import RoutingGroup
from tester.models import Frame, Run, RunStatus


def frame_at(n: int, *, deployments: list[str], every_ms: float = 250.0) -> dict[str, Any]:
    """Frame number `n` of a run in which the first deployment answers two requests a frame, the second one."""
    rows = {name: _row(n * (2 if place == 0 else 1)) for place, name in enumerate(deployments)}
    served = sum(row["success_count"] for row in rows.values())
    requests = {"started": served, "succeeded": served, "failed": 0, "in_flight": 0, "fallbacks": n}
    return {
        "at_ms": n * every_ms,
        "requests": requests,
        "deployments": rows,
        "last_traces": [_trace(index, deployments[0]) for index in range(max(0, n - 4), n + 1)],
    }


def _row(count: int) -> dict[str, Any]:
    return {
        "request_count": count,
        "success_count": count,
        "failure_count": 0,
        "in_flight": 0,
        "avg_latency_ms": 150.0,
        "cooldown_left_s": 0.0,
        "errors": {},
    }


def _trace(index: int, deployment_id: str) -> dict[str, Any]:
    attempt = {"deployment_id": deployment_id, "deployment_name": "D", "status": "success", "duration_ms": 150.0}
    row = {"index": index, "status": "success", "fallback_depth": 0, "deployment_id": deployment_id}
    return {**row, "attempts": [attempt]}


def make_run(group: RoutingGroup, *, frames: int = 0, status: RunStatus = RunStatus.RUNNING, **fields: Any) -> Run:
    """A run of the group that has come to so many frames."""
    values = {"group_name": group.name, "group_revision": 1, "scenario": "healthy", "seed": 1, "created_by": "bob"}
    run = Run.objects.create(group=group, status=status, **{**values, **fields})
    add_frames(run, range(frames))
    return run


def add_frames(run: Run, numbers: range) -> None:
    """The run comes to these frames."""
    ids = [str(row.model_id) for row in run.group.deployments.all()] if run.group else []
    Frame.objects.bulk_create(Frame(run=run, n=n, data=frame_at(n, deployments=ids)) for n in numbers)


def finish(run: Run, status: RunStatus = RunStatus.DONE, **fields: Any) -> None:
    """The run ends."""
    Run.objects.filter(pk=run.pk).update(status=status, **fields)
