"""A frame of a run (see `engine.results.Tally.frame`) -> what the picture shows of it. Numbers only, no geometry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from groups.shares import percentages
from tester.scene.group import DrawnGroup, Mode

JSON = Mapping[str, Any]
DEGRADED_FROM = 0.05
LIMITED = frozenset({"RateLimitError"})
SHORT = {
    "RateLimitError": "429",
    "Timeout": "timeout",
    "AuthenticationError": "401",
    "PermissionDeniedError": "403",
    "NotFoundError": "404",
    "InternalServerError": "500",
    "BadGatewayError": "502",
    "ServiceUnavailableError": "503",
    "APIConnectionError": "connection",
    "ContextWindowExceededError": "context",
}


class State(StrEnum):
    """How a deployment is, as its card says."""

    IDLE = "idle"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"
    COOLING = "cooling"


@dataclass(frozen=True, slots=True)
class CardReading:
    """One deployment at one moment. `load` is the part of all requests that was sent to it, 0 to 1."""

    state: State = State.IDLE
    attempts: int = 0
    served: int = 0
    failures: int = 0
    limited: int = 0
    in_flight: int = 0
    share: int | None = None
    load: float = 0.0
    latency_ms: float | None = None
    cooldown_left_s: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole frame. `failed_down[k]` counts requests that left tier k after a failure, `skipped[k]` those that never
    tried it because it was cooling down; `elsewhere` were answered by fallback groups."""

    has_begun: bool
    finished: int
    failed: int
    fallbacks: int
    latency_ms: float | None
    cards: tuple[CardReading, ...]
    failed_down: tuple[int, ...]
    skipped: tuple[int, ...]
    elsewhere: int
    is_exhausted: bool
    last: JSON | None


def read(group: DrawnGroup, mode: Mode, frame: JSON | None) -> Reading:
    """The frame as numbers; None is a run that has not begun."""
    if frame is None:
        return _before(group, mode)
    tiers = group.tiers(mode)
    requests, rows = frame["requests"], frame["deployments"]
    traces = frame.get("last_traces", ())
    failed_down, skipped = _moves(group, tiers, frame)
    ids = {d.deployment_id for d in group.deployments}
    return Reading(
        has_begun=True,
        finished=requests["succeeded"] + requests["failed"],
        failed=requests["failed"],
        fallbacks=requests["fallbacks"],
        latency_ms=_latency_ms(requests, rows),
        cards=_cards(group, rows, requests, traces),
        failed_down=failed_down,
        skipped=skipped,
        elsewhere=sum(row["success_count"] for name, row in rows.items() if name not in ids),
        is_exhausted=bool(traces) and all(trace["status"] != "success" for trace in traces),
        last=_last_move(frame),
    )


def _before(group: DrawnGroup, mode: Mode) -> Reading:
    """Nothing has run: streams are as wide as the settings promise."""
    tiers, shares = group.tiers(mode), group.weights()
    loads = [share / 100 for share in shares]
    if mode is Mode.ORDERED and tiers:
        loads = [1 / len(tiers[0]) if n in tiers[0] else 0.0 for n in range(len(shares))]
    links = (0,) * (len(tiers) - 1)
    cards = tuple(CardReading(load=load) for load in loads)
    return Reading(False, 0, 0, 0, None, cards, links, links, 0, False, None)


def _latency_ms(requests: JSON, rows: JSON) -> float | None:
    """Mean over answered requests; a frame that does not say gives the mean over the attempts that answered."""
    if not requests["succeeded"]:
        return None
    if (told := requests.get("avg_latency_ms")) is not None:
        return float(told)
    total_ms: float = sum(row["avg_latency_ms"] * row["success_count"] for row in rows.values())
    return total_ms / float(requests["succeeded"])


def _cards(group: DrawnGroup, rows: JSON, requests: JSON, traces: Any) -> tuple[CardReading, ...]:
    ids = [d.deployment_id for d in group.deployments]
    known = [rows.get(name) for name in ids]
    elsewhere = requests["succeeded"] - sum(row["success_count"] for row in known if row)
    shares = percentages([*(row["success_count"] if row else 0 for row in known), max(0, elsewhere)])
    recent = _recent(traces)
    finished = requests["succeeded"] + requests["failed"]
    return tuple(
        _card(row, share if finished else None, recent.get(name, []), max(1, finished)) if row else CardReading()
        for name, row, share in zip(ids, known, shares, strict=False)
    )


def _card(row: JSON, share: int | None, recent: list[bool], finished: int) -> CardReading:
    errors = Counter[str](row["errors"])
    return CardReading(
        state=_state(row, recent),
        attempts=row["request_count"],
        served=row["success_count"],
        failures=row["failure_count"],
        limited=sum(errors[name] for name in LIMITED),
        in_flight=row["in_flight"],
        share=share,
        load=min(1.0, row["request_count"] / finished),
        latency_ms=row["avg_latency_ms"] if row["success_count"] else None,
        cooldown_left_s=row["cooldown_left_s"],
        errors=errors,
    )


def _state(row: JSON, recent: list[bool]) -> State:
    """The newest attempts say whether it fails now, all of them whether it is sound."""
    if row["cooldown_left_s"] > 0:
        return State.COOLING
    if not row["request_count"]:
        return State.IDLE
    if (len(recent) > 1 and not any(recent)) or not row["success_count"]:
        return State.FAILING
    return State.DEGRADED if row["failure_count"] / row["request_count"] >= DEGRADED_FROM else State.HEALTHY


def _recent(traces: Any) -> dict[str, list[bool]]:
    """Whether each of the newest attempts was answered, by deployment."""
    found: dict[str, list[bool]] = {}
    for trace in traces:
        for attempt in trace["attempts"]:
            found.setdefault(attempt["deployment_id"], []).append(attempt["status"] == "success")
    return found


def _moves(
    group: DrawnGroup, tiers: tuple[tuple[int, ...], ...], frame: JSON
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Requests that crossed each border between tiers: after a failure, and without having tried."""
    borders = range(len(tiers) - 1)
    if (flows := frame.get("flow_data")) is None:
        return tuple(_estimated(group, tiers, frame)), (0,) * len(borders)
    place = {group.deployments[n].deployment_id: depth for depth, tier in enumerate(tiers) for n in tier}
    failed, skipped = [0] * len(borders), [0] * len(borders)
    for flow in flows:
        begins, ends = (place.get(flow[end], len(tiers)) for end in ("from_deployment", "to_deployment"))
        begins = begins if flow["from_deployment"] else -1
        for border in borders:
            if begins <= border < ends:
                (failed if begins == border else skipped)[border] += flow["request_count"]
    return tuple(failed), tuple(skipped)


def _estimated(group: DrawnGroup, tiers: tuple[tuple[int, ...], ...], frame: JSON) -> Iterator[int]:
    """Without `flow_data`: exact for the first border, and for the others unless a tier was tried twice."""
    most = frame["requests"]["fallbacks"]
    rows = frame["deployments"]
    for tier in tiers[1:]:
        attempts = sum(rows.get(group.deployments[n].deployment_id, {}).get("request_count", 0) for n in tier)
        most = min(most, attempts)
        yield most


def _last_move(frame: JSON) -> JSON | None:
    """The newest request that needed more than one attempt."""
    told: JSON | None = frame.get("last_fallback")
    moved = (trace for trace in reversed(frame.get("last_traces", ())) if len(trace["attempts"]) > 1)
    return told or next(moved, None)
