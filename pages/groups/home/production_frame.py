"""The traffic of a group and its breakers -> a frame of the live diagram. Pure.

The diagram does not know whether a frame was rehearsed or counted (see `engine.rehearsal.results.Tally.frame`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from engine.outcomes import Outcome
from usage.group_traffic.periods import RECENT, DeploymentTraffic, GroupTraffic

Trace = Mapping[str, Any]
NOTHING = DeploymentTraffic()


def frame_of(
    traffic: GroupTraffic,
    recent: GroupTraffic,
    *,
    cooldowns_s: Mapping[str, float],
    probing: Collection[str] = (),
    seconds: float,
    last_fallback: Trace | None = None,
    standbys: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The state of a group: `recent` is the part of its traffic that decides the state of a deployment.

    `cooldowns_s` are the seconds left of each deployment that is cooling, by its id; `probing` are those whose cooldown
    is over and which one request at a time tries; `seconds` is the length of the traffic. `standbys` says in `words` of
    deployments when they last answered, or since when test requests fail: often enough where it `is_dead`.
    """
    names = dict.fromkeys((*traffic.deployments, *cooldowns_s, *probing))
    rows = {name: _row(traffic.deployments.get(name, NOTHING), recent.deployments.get(name, NOTHING)) for name in names}
    for name, left_s in cooldowns_s.items():
        rows[name]["cooldown_left_s"] = round(left_s, 3)
    for name in probing:
        rows[name]["failing_cooled"] = True
    return {
        "type": "frame",
        "at_ms": seconds * 1000,
        "requests": {
            "started": traffic.requests,
            "succeeded": traffic.answered,
            "failed": traffic.failed,
            "refused": traffic.outcomes[Outcome.REFUSED],
            "left": traffic.outcomes[Outcome.LEFT],
            "in_flight": 0,
            "fallbacks": traffic.fell_back,
            "untried": traffic.untried,
            "avg_latency_ms": round(traffic.latency_ms or 0.0, 3),
            "latency_p50_ms": traffic.latency_at(0.5),
            "latency_p95_ms": traffic.latency_at(0.95),
            "ttft_p95_ms": traffic.first_token_at(0.95),
            "cost_usd": traffic.cost_usd,
            "causes": dict(traffic.causes),
            "flow_s": min(seconds, RECENT.total_seconds()),
            "flowing": recent.requests,
            "flowing_failed": recent.failed,
        },
        "deployments": rows,
        "standbys": standbys or {},
        "flow_data": [
            {"from_deployment": before, "to_deployment": after, "request_count": count, "reason": reason}
            for (before, after, reason), count in sorted(traffic.flows.items(), key=lambda flow: -flow[1])
        ],
        "last_traces": _fate(recent),
        "last_fallback": last_fallback,
    }


def _row(all: DeploymentTraffic, recent: DeploymentTraffic) -> dict[str, Any]:
    return {
        "request_count": all.tried,
        "success_count": all.answered,
        "failure_count": all.failed,
        "in_flight": 0,
        "avg_latency_ms": round(all.latency_ms or 0.0, 3),
        "cooldown_left_s": 0.0,
        # Its breaker may have been of a process that is gone.
        "failing_count": 0 if all.answered else all.failed,
        "errors": dict(all.errors),
        "recent_request_count": recent.tried,
        "recent_failure_count": recent.failed,
        "flowing_count": recent.answered,
    }


def _fate(recent: GroupTraffic) -> Sequence[Trace]:
    """One for all, if nobody was answered in the last minute: the diagram shows then that the group is exhausted."""
    if recent.failed and not recent.answered:
        return [{"status": "error", "outcome": Outcome.FAILED.value, "attempts": []}]
    return []


def trace_of(attempts: Sequence[Trace], *, outcome: str) -> Trace:
    """A request of the log as the last one that fell back."""
    return {
        "status": "success" if outcome == Outcome.ANSWERED else "error",
        "outcome": outcome,
        "fallback_depth": max((attempt.get("fallback_depth") or 0 for attempt in attempts), default=0),
        "attempts": [{"duration_ms": None, "error_class": None, "status_code": None, **a} for a in attempts],
    }
