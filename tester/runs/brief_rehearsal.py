"""A short rehearsal of a group that is being edited, and its result in words. Nothing is stored."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.faults.needs import RATE_PER_S, Needs, workload_for
from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.workload import Workload
from engine.spec import GroupSpec
from lib.typography import THIN
from tester.exceptions import RunBroken
from tester.runs.pool import pool
from tester.runs.run_capacities import limited, measured_capacity
from usage.health.latency import Fit, recent_fits

DEFAULT_SCENARIO = "primary-outage"
SEED = 1  # one seed for all drafts: differences between two results come from the edits
FRAME_EVERY_S = 5.0
PATIENCE_S = 30.0
LISTEN_S = 0.1


@dataclass(frozen=True, slots=True)
class RehearsalSummary:
    """The result of a rehearsal.

    `p95_ms` is None if no request was answered. `lost_s`: how long no request was answered, if all failures were in a
    row.
    """

    success: str
    fallbacks: int
    failed: int
    p95_ms: float | None
    lost_s: float
    refused: int = 0


@dataclass(frozen=True, slots=True)
class BriefRehearsal:
    """A short rehearsal: its verdict, and its last frame for the diagram."""

    verdict: RehearsalSummary
    frame: dict[str, Any]


def rehearse_briefly(specs: Sequence[GroupSpec], scenario: str) -> BriefRehearsal:
    """Rehearses the first of the groups in a worker of the pool; waits for it. Raises BadInput and RunBroken."""
    deadline = time.monotonic() + PATIENCE_S
    with pool.lend(while_waiting=lambda: _check_patience(deadline)) as worker:
        job = job_of(specs, scenario)
        worker.run(job.to_json())
        frame: dict[str, Any] = {}
        while True:
            for message in worker.receive(LISTEN_S):
                if message["type"] == "frame":
                    frame = message
                elif message["type"] == "done":
                    return BriefRehearsal(verdict_of(message["result"], job.workload.rate_per_s or RATE_PER_S), frame)
                elif message["type"] == "failed":
                    raise RunBroken(f"The rehearsal itself went wrong: {message['error']}.")
            _check_patience(deadline)


def verdict_of(result: dict[str, Any], rate_per_s: float) -> RehearsalSummary:
    """The API's result as a summary for the builder; a share is never rounded up to 100 %."""
    refused, failed = result.get("refused_requests", 0), result["failed_requests"]
    tried = result["total_requests"] - refused
    tenths = 1000 * (tried - failed) // tried if tried else 0
    return RehearsalSummary(
        success=f"{tenths / 10:g}{THIN}%" if tried else "–",
        fallbacks=result["fallback_count"],
        failed=failed,
        p95_ms=result["latency_p95_ms"],
        lost_s=failed / rate_per_s,
        refused=refused,
    )


def fingerprint(snapshot: Mapping[str, Any]) -> str:
    """A hash that distinguishes any two drafts."""
    return hashlib.sha256(json.dumps(snapshot, sort_keys=True).encode()).hexdigest()


def job_of(specs: Sequence[GroupSpec], scenario: str, fits: Mapping[str, Fit] | None = None) -> Job:
    """The short rehearsal of the first of these groups; raises BadInput. `fits` are those of their deployments."""
    keyless = [replace(s, deployments=tuple(replace(d, api_key=None) for d in s.deployments)) for s in specs]
    fits = fits_of(specs) if fits is None else fits
    parsed = parse_scenario(scenario, spec=specs[0], fallbacks=specs[1:])
    return Job(
        specs=tuple(limited(keyless, {name: measured_capacity(fit.capacity) for name, fit in fits.items()})),
        workload=_workload(parsed.needs),
        scenario=parsed,
        seed=SEED,
        profiles={name: fit.profile for name, fit in fits.items() if fit.profile},
        frame_every_s=FRAME_EVERY_S,
    )


def fits_of(specs: Sequence[GroupSpec]) -> dict[str, Fit]:
    """What the log says of the deployments of these groups."""
    return recent_fits(list(dict.fromkeys(d.deployment_id for spec in specs for d in spec.deployments)))


def _workload(needs: Needs) -> Workload:
    """The workload that the scenario needs, with constant intervals."""
    return workload_for(needs, {"kind": "constant", "rate_per_s": needs.rate_per_s or RATE_PER_S})


def _check_patience(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RunBroken(f"No result within {PATIENCE_S:g} s: other rehearsals are under way. Try again in a moment.")
