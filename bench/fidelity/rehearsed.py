"""What the rehearsal says of a case: asked through the API, as anybody would, with ten seeds."""

from __future__ import annotations

from typing import Any

from bench.fidelity.cases import Case
from bench.fidelity.stage import Built
from bench.fidelity.verdicts import SHARE
from tests.servers import Console

SEEDS = 10
NAMES = {
    "success_rate": "success",
    "fallback_share": "fell back",
    "latency_p50_ms": "p50",
    "latency_p95_ms": "p95",
    "ttft_p50_ms": "first p50",
    "ttft_p95_ms": "first p95",
}


def asked(case: Case, built: Built) -> dict[str, Any]:
    """The body of the request: the traffic, what goes wrong, and the processes; no speeds, those are in the log."""
    faults = [{"target": built.models[place.name], **one.told} for place in case.places for one in place.troubles]
    return {
        "seeds": SEEDS,
        "workload": {"kind": "trace", "arrivals": case.arrivals, "is_stream": case.traffic.is_stream},
        "scenario": {"name": case.slug, "faults": faults, **case.told},
        "workers": case.processes,
        "shared_state": case.is_shared,
    }


def ranges_of(ours: Console, case: Case, built: Built) -> dict[str, list[float]]:
    """`{number: [lowest, median, highest]}` over the seeds; shares by the names of the case's places."""
    answer = ours.call("POST", f"/v1/routing_group/{built.group_id}/simulate?wait=seeds", asked(case, built))
    ranges = answer["ranges"]
    shares = {SHARE + name: ranges.get(f"share:{model}") for name, model in built.models.items()}
    rest = {ours_: ranges.get(theirs) for theirs, ours_ in NAMES.items()}
    return {name: found for name, found in {**shares, **rest}.items() if found is not None}
