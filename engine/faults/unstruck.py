"""The faults of a run that changed nothing, with reasons."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

from engine.faults.kinds import OF_STREAMS, ContextTooLong, LimitedCapacity, Quota
from engine.faults.targets import TargetedFault, targets
from engine.rehearsal.jobs import Job


def faults_not_struck(job: Job, struck: Collection[int], *, duration_ms: float) -> list[dict[str, Any]]:
    """Each fault that never struck in a run, as JSON: its target, its time, and the reason (`message`).

    `struck` are the positions of those that did. Faults that were stopped before they began are left out.
    """
    return [
        {**_told(aimed), "message": f"{_subject(aimed)} never struck: {_why(aimed, job, duration_ms / 1000)}"}
        for number, aimed in enumerate(job.scenario.faults)
        if number not in struck and aimed.over_s > aimed.from_s
    ]


def _told(aimed: TargetedFault) -> dict[str, Any]:
    until_s = None if math.isinf(aimed.over_s) else aimed.over_s
    return {
        "kind": aimed.fault.kind,
        "target": aimed.target,
        "probability": aimed.probability,
        "from_s": aimed.from_s,
        "until_s": until_s,
    }


def _subject(aimed: TargetedFault) -> str:
    """`Outage at primary`, with its time unless it is always."""
    ends = "" if math.isinf(aimed.over_s) else f" to {aimed.over_s:,g} s"
    when = f" from {aimed.from_s:,g} s{ends}" if aimed.from_s or ends else ""
    return f"{aimed.fault.kind.replace('_', ' ').capitalize()} at {aimed.target}{when}"


def _why(aimed: TargetedFault, job: Job, ended_s: float) -> str:
    return next(_reasons(aimed, job, ended_s))


def _reasons(aimed: TargetedFault, job: Job, ended_s: float) -> Iterator[str]:
    fault, workload = aimed.fault, job.workload
    if not targets(aimed.target, job.specs, job.profiles):
        yield "no deployment matches."
    if ended_s <= aimed.from_s:
        yield f"the run ended at {ended_s:,.1f} s, before it began."
    if isinstance(fault, OF_STREAMS) and not workload.has_streams:
        yield "it strikes streams, and these requests did not stream."
    if isinstance(fault, ContextTooLong):
        yield f"no request there had more than {fault.limit_tokens:,} tokens of context."
    if isinstance(fault, Quota):
        yield "there were too few requests to use the quota up."
    if isinstance(fault, LimitedCapacity):
        yield "its slots were never all taken."
    if aimed.probability < 1:
        yield f"with {100 * aimed.probability:.0f} % of too few requests, chance spared them all."
    yield "no request met it."
