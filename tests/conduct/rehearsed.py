"""A case of the table on the simulator: the same core, in virtual time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from engine.drivers.simulation import simulate
from engine.exceptions import RequestFailed
from engine.faults.fates import Exposure, Fate
from engine.faults.kinds import (
    ConnectionRefused,
    ConnectionReset,
    ContentFilter,
    ContextTooLong,
    EmptyStream,
    ErrorStatus,
    Fault,
    MalformedAnswer,
    NoCredit,
    RateLimit,
    Redirect,
    ServerError,
    Slow,
    StreamCut,
    StreamError,
    StreamStall,
    Timeout,
    ToolCallCut,
    Unauthorised,
)
from engine.faults.rescues import RescueShares
from engine.faults.scenarios import Scenario
from engine.faults.targets import TargetedFault
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Arrival, Workload
from engine.spec import (
    CooldownPolicy,
    DeploymentSpec,
    ErrorRule,
    FallbackPolicy,
    GroupSpec,
    HedgePolicy,
    RetryPolicy,
    Strategy,
)
from gateway.openai import from_failure
from tests.conduct.stories import Told
from tests.conduct.table import Act, Script, Seen, Shape, acts, counted, marks_of, places, said, woven
from tests.engine.working import traces_in

QUICK = Profile(first_token_ms=4, tokens_per_s=1_000_000, jitter=0)
# What upstreams do, in the words of scenarios.
VOCABULARY: dict[str, Fault] = {
    "500": ServerError(500),
    **{status: ErrorStatus(int(status)) for status in ("400", "402", "403", "404", "408", "413", "418", "422")},
    **{status: ErrorStatus(int(status)) for status in ("502", "504", "529")},
    "quota": NoCredit(),
    "reset": ConnectionReset(),
    "cut0": EmptyStream(),
    "void": EmptyStream(),
    "page": MalformedAnswer(),
    "307": Redirect(),
    "blocked": ContentFilter(blocks="answer"),
    "calls_cut": StreamCut(),
    "call_cut": ToolCallCut(),
    "empty": MalformedAnswer(),
    "fault": StreamError(),
    "fault_named": StreamError(status=500),
    "401": Unauthorised(),
    "refused": ConnectionRefused(),
    "hang": Timeout(),
    "mute0": Timeout(),
    "long": ContextTooLong(limit_tokens=1),
    "policy": ContentFilter(),
    "cut": StreamCut(),
    "mute": StreamStall(),
}
MEASURED = {"200", "429", "503", "late", "slow", "other", "calls"}


@dataclass(slots=True)
class InTurn:
    """A fault that does what a script says."""

    script: Script
    kind: ClassVar[str] = "in_turn"

    def strike(self, fate: Fate, exposure: Exposure) -> None:
        if (fault := _fault(self.script.next(fate.at_s))) is not None:
            fault.strike(fate, exposure)


def _fault(act: Act) -> Fault | None:
    match act.word:
        case "200" | "other" | "calls":
            return None
        case "429":
            return RateLimit(act.value)
        case "503":
            return ServerError(503, act.value)
        case "late":
            return ErrorStatus(503, after_s=act.value)
        case "slow":
            return Slow(extra_ms=(act.value or 0.0) * 1000)
    return VOCABULARY[act.word]


def outside(upstreams: str) -> set[str]:
    """What upstreams do that no scenario has a word for."""
    words = {act.word for row in acts(upstreams).values() for act in row}
    return words - VOCABULARY.keys() - MEASURED


def specs_of(shape: Shape) -> tuple[GroupSpec, ...]:
    """Its groups, the one that is asked first."""
    by_kind = {kind: tuple(n for n in shape.groups if n.startswith(kind)) for kind in ("general", "context", "content")}
    fallback = FallbackPolicy(by_kind["general"], by_kind["context"], by_kind["content"])
    groups = {name: _group(shape, name, tiers) for name, tiers in shape.groups.items()}
    return _falling_back(groups.pop("main"), fallback), *groups.values()


def _falling_back(spec: GroupSpec, fallback: FallbackPolicy) -> GroupSpec:
    return replace(spec, fallback=fallback)


def _group(shape: Shape, name: str, tiers: str) -> GroupSpec:
    rows = tuple(
        DeploymentSpec(
            *(p.name, p.name, f"Key {p.key}", "openai", p.name),
            priority=p.tier,
            weight=p.weight,
            rpm=p.rpm,
            provider_id=p.key,
            prefills=shape.prefills,
        )
        for p in places(tiers)
    )
    times = {"first_token_timeout_s": shape.first_token_s, "stream_idle_timeout_s": shape.idle_s}
    by_error = tuple(ErrorRule(kind, **change) for kind, change in shape.by_error.items())
    retry = RetryPolicy(shape.retries, 0.0, shape.moves, shape.timeout_s, **times, by_error=by_error)
    cooldown = CooldownPolicy(shape.cooldown_s, shape.allowed_fails)
    return GroupSpec(
        name,
        name,
        Strategy(shape.strategy),
        rows,
        retry=retry,
        cooldown=cooldown,
        rescues=shape.rescues,
        hedge=None if shape.hedge_ms is None else HedgePolicy(shape.hedge_ms, shape.hedge_budget),
    )


def traces_of(
    shape: Shape, upstreams: str, arrivals_s: list[float], *, is_stream: bool, seed: int = 1
) -> list[dict[str, Any]]:
    """The traces of requests that come in these seconds, in their order."""
    faults = tuple(TargetedFault(InTurn(Script(row)), name) for name, row in acts(upstreams).items())
    arrivals = tuple(Arrival(at_s, 10, 4) for at_s in arrivals_s)
    workload = Workload("trace", len(arrivals), is_stream=is_stream, arrivals=arrivals)
    profiles = dict.fromkeys(shape.names, QUICK)
    scenario = Scenario("conduct", "A case.", faults, rescues=RescueShares(restarted=float("other" not in upstreams)))
    job = Job(specs_of(shape), workload, scenario, seed, profiles)
    told: list[dict[str, Any]] = []
    simulate(job, emit=told.append)
    rows = traces_in(told)
    return sorted(rows, key=lambda row: row["index"])


def seen_in(trace: dict[str, Any]) -> Seen:
    """One trace in the words of the table; what the caller sees is translated as the gateway does it."""
    attempts = [f"{a['deployment_id']} {said(a['status_code'], a['error_class'])}" for a in trace["attempts"]]
    where = [(a["model_group"], a["tier"]) for a in trace["attempts"]]
    parts = woven(attempts, where, marks_of(trace["attempts"]))
    sees, retry_after, is_hopeless = _told(trace)
    return Seen(
        sees,
        parts,
        [(f"{s['deployment_id']} {s['reason']}", s.get("for_s")) for s in trace["skipped"]],
        *counted(parts),
        len(trace["skipped"]),
        retry_after,
        is_hopeless,
        trace["duration_ms"] / 1000,
    )


def _told(trace: dict[str, Any]) -> tuple[str, int | None, bool]:
    if trace["status"] == "success":
        return "200", None, False
    if (told := trace.get("told")) is None:
        return "200 broken", None, False
    failure = RequestFailed("", error_class=trace["error_class"], **told)
    error = from_failure(failure)
    headers = dict(error.headers)
    retry_after = headers.get(b"retry-after")
    return (
        f"{error.status} {error.code or ''}".strip(),
        None if retry_after is None else math.ceil(float(retry_after)),
        headers.get(b"x-should-retry") == b"false",
    )


def told_in(trace: dict[str, Any]) -> Told:
    """One trace in the words of a story."""
    return Told(trace["at_ms"] / 1000, trace["deployment_id"] or "", trace["duration_ms"] / 1000)


def moments(before: int, every_s: float, pause_s: float) -> Iterator[float]:
    """When the requests of a row come, the last one after the pause."""
    yield from (n * every_s for n in range(before))
    yield before * every_s + pause_s
