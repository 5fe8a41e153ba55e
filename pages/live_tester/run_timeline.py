"""Stored frames -> the timeline of a run."""

from __future__ import annotations

from typing import Any

from engine.exceptions import BadInput
from engine.faults.scenarios import Scenario
from engine.rehearsal.jobs import specs_from_json
from engine.rehearsal.profiles import Profile
from engine.spec import GroupSpec
from tester.models import Run
from tester.scene import DrawnGroup
from tester.scene.frame_numbers import finished
from tester.traces.fault_windows import FaultWindow, windows_of
from tester.traces.lanes import LaneMoment, lanes_of
from tester.traces.timeline import Moment, Timeline, timeline_of


def timeline_of_run(run: Run, group: DrawnGroup) -> Timeline:
    """The timeline of the stored part of a run; one query."""
    fields = ("data__at_ms", "data__requests", "data__deployments")
    rows = list(run.frames.order_by("n").values_list(*fields))
    moments = [Moment(at_ms, finished(said), said["failed"], said["fallbacks"]) for at_ms, said, _ in rows]
    lanes = lanes_of(group, [_lane_moment(at_ms, told) for at_ms, _, told in rows])
    return timeline_of(moments, _windows(run, group), lanes)


def _lane_moment(at_ms: float, deployments: dict[str, Any]) -> LaneMoment:
    return LaneMoment(
        at_ms,
        {name: row["failure_count"] for name, row in deployments.items()},
        {name: row["cooldown_left_s"] for name, row in deployments.items() if row["cooldown_left_s"] > 0},
    )


def _windows(run: Run, group: DrawnGroup) -> tuple[FaultWindow, ...]:
    """None for runs with real requests, and for runs of a version that this one can't read."""
    try:
        scenario = Scenario.from_json(run.config.get("scenario"))
        profiles = {name: Profile.from_json(row) for name, row in run.config.get("profiles", {}).items()}
    except BadInput:
        return ()
    return windows_of(scenario, group, _specs(run), profiles)


def _specs(run: Run) -> tuple[GroupSpec, ...]:
    """The groups of the run; none for runs of older versions with another format."""
    try:
        return specs_from_json(run.engine_input)
    except (KeyError, TypeError, ValueError):
        return ()
