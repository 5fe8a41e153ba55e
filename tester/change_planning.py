"""A change of a running rehearsal -> the job of a new run with the same past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.exceptions import BadInput
from engine.faults.scenarios import Scenario, read_rates, read_scenario
from engine.rehearsal.changes import Change, beginning_of, rates_after, scenario_of, seconds, with_change
from engine.rehearsal.jobs import Job
from tester import rules
from tester.models import Run
from tester.run_planning import check_router, rates_in

NOTHING = "Nothing is changed. Give another scenario, other failure rates, or both."


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedChange:
    """A requested change; None keeps the current value, and a moment of None is the newest one."""

    at_ms: float | None = None
    scenario: str | Mapping[str, Any] | None = None
    failure_injection: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """The job of the new run, and the configuration to store with it."""

    job: Job
    config: dict[str, Any] = field(repr=False)


def plan_change(run: Run, asked: AskedChange) -> PlannedChange:
    """Checks the change against the run's plan; raises BadInput, RunIsReal and RunTooOld."""
    rules.check_can_change(run)
    specs = Job.from_json(_job_json(run)).specs
    scenario = None if asked.scenario is None else read_scenario(asked.scenario, specs)
    rates = None if asked.failure_injection is None else read_rates(rates_in(asked), specs)
    before = changes_of(run)
    after = with_change(before, Change(seconds(_moment(run, asked.at_ms)), scenario, rates))
    if scenario_of(after).faults == scenario_of(before).faults:
        raise BadInput("scenario", NOTHING)
    return _planned(run, after)


def changes_of(run: Run) -> tuple[Change, ...]:
    """The beginning of a run, then its changes, including those of the runs before it."""
    if told := run.config.get("changes"):
        return tuple(Change.from_json(change) for change in told)
    return (beginning_of(Scenario.from_json(run.config["scenario"]), run.config.get("failure_rates", {})),)


def _planned(run: Run, changes: tuple[Change, ...]) -> PlannedChange:
    scenario = scenario_of(changes)
    told = {
        "scenario": scenario.to_json(),
        "failure_rates": rates_after(changes),
        "changes": [change.to_json() for change in changes],
    }
    job = Job.from_json({**_job_json(run), "scenario": told["scenario"]})
    check_router(job)
    return PlannedChange(job, {**run.config, **told})


def _job_json(run: Run) -> dict[str, Any]:
    kept = {name: run.config[name] for name in ("workload", "scenario", "profiles", "seed")}
    return {**run.engine_input, **kept, "is_real": False}


def _moment(run: Run, at_ms: float | None) -> float:
    """The moment of the change; raises BadInput for one after the end of the run."""
    last = run.frames.last()
    newest_ms: float = last.data["at_ms"] if last else 0.0
    moment_ms = newest_ms if at_ms is None else at_ms
    if not run.is_open and moment_ms >= newest_ms:
        raise BadInput("at_ms", f"The run ended at {newest_ms:,.0f} ms. Give an earlier moment.")
    return moment_ms
