"""A frame of a run (see `engine.rehearsal.results.Tally.frame`) -> the numbers in the picture. No geometry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.outcomes import Outcome
from groups.deployments.percentages import percentages
from tester.scene.group import DrawnGroup, Mode

JSON = Mapping[str, Any]
# Shares of failed recent attempts; a single failure does not count as failing.
DEGRADED_FROM = 0.05
FAILING_FROM, FAILING_AFTER = 0.5, 2
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
    "UpstreamConnectionError": "connection",
    "UnreadableAnswerError": "unreadable",
    "QuotaUsedUpError": "quota",
    "ContentPolicyViolationError": "content",
    "ContextWindowExceededError": "context",
}


class CardState(StrEnum):
    """The state of a deployment on its card.

    Cooling: the router sends nothing. Failing: the router still sends, and at least half of the recent attempts fail.
    Degraded: some of them fail. Idle: no recent attempts.
    """

    IDLE = "idle"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"
    COOLING = "cooling"


@dataclass(frozen=True, slots=True)
class CardReading:
    """One deployment at one moment.

    `load` is its share of all requests, 0 to 1; `is_lit`: the single request of a run was sent there.
    """

    state: CardState = CardState.IDLE
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
    is_lit: bool = False


@dataclass(frozen=True, slots=True)
class FrameNumbers:
    """A whole frame. `expected` are the requests of the whole run, if the frame has them; `elsewhere` were answered by
    fallback groups, `untried` reached no deployment; `refused` and `left` are finished but not
    failed. `failed_down[k]` counts
    requests that left tier k after a failure, `skipped[k]` those that never tried it because it was cooling down.
    """

    has_begun: bool
    expected: int | None
    finished: int
    failed: int
    fallbacks: int
    latency_ms: float | None
    cards: tuple[CardReading, ...]
    failed_down: tuple[int, ...]
    skipped: tuple[int, ...]
    elsewhere: int
    untried: int
    refused: int
    left: int
    is_exhausted: bool
    last: JSON | None

    @property
    def is_single(self) -> bool:
        """Whether this is a single request, not traffic."""
        return self.expected == 1 and (self.finished > 0 or any(card.is_lit for card in self.cards))


def read(group: DrawnGroup, mode: Mode, frame: JSON | None) -> FrameNumbers:
    """The numbers of a frame; None means a run that has not begun."""
    if frame is None:
        return _before(group, mode)
    tiers = group.tiers(mode)
    requests, rows = frame["requests"], frame["deployments"]
    traces = frame.get("last_traces", ())
    failed_down, skipped = _moves(group, tiers, frame)
    ids = {d.deployment_id for d in group.deployments}
    return FrameNumbers(
        has_begun=True,
        expected=requests.get("expected"),
        finished=finished(requests),
        failed=requests["failed"],
        fallbacks=requests["fallbacks"],
        latency_ms=_latency_ms(requests, rows),
        cards=_cards(group, rows, requests),
        failed_down=failed_down,
        skipped=skipped,
        elsewhere=sum(row["success_count"] for name, row in rows.items() if name not in ids),
        untried=requests.get("untried", 0),
        refused=requests.get("refused", 0),
        left=requests.get("left", 0),
        is_exhausted=bool(traces) and all(has_failed(trace) for trace in traces),
        last=_last_move(frame),
    )


def _before(group: DrawnGroup, mode: Mode) -> FrameNumbers:
    """Before the first request: the widths of streams follow the settings."""
    tiers, shares = group.tiers(mode), group.weights()
    loads = [share / 100 for share in shares]
    if mode is Mode.ORDERED and tiers:
        loads = [1 / len(tiers[0]) if n in tiers[0] else 0.0 for n in range(len(shares))]
    links = (0,) * (len(tiers) - 1)
    cards = tuple(CardReading(load=load) for load in loads)
    return FrameNumbers(False, None, 0, 0, 0, None, cards, links, links, 0, 0, 0, 0, False, None)


def has_failed(trace: JSON) -> bool:
    """Whether a request failed; runs of older versions do not distinguish refused ones."""
    return bool(trace["status"] != "success" and trace.get("outcome", Outcome.FAILED) == Outcome.FAILED)


def finished(requests: JSON) -> int:
    """The number of requests that have ended; older frames have no refused ones, and most runs nobody who leaves."""
    return int(requests["succeeded"] + requests["failed"] + requests.get("refused", 0) + requests.get("left", 0))


def _latency_ms(requests: JSON, rows: JSON) -> float | None:
    """Mean over answered requests; for a frame without it, the mean over the answered attempts."""
    if not requests["succeeded"]:
        return None
    if (told := requests.get("avg_latency_ms")) is not None:
        return float(told)
    total_ms: float = sum(row["avg_latency_ms"] * row["success_count"] for row in rows.values())
    return total_ms / float(requests["succeeded"])


def _cards(group: DrawnGroup, rows: JSON, requests: JSON) -> tuple[CardReading, ...]:
    ids = [d.deployment_id for d in group.deployments]
    known = [rows.get(name) for name in ids]
    elsewhere = requests["succeeded"] - sum(row["success_count"] for row in known if row)
    shares = percentages([*(row["success_count"] if row else 0 for row in known), max(0, elsewhere)])
    ended = finished(requests)
    is_single = requests.get("expected") == 1
    return tuple(
        _card(row, share if ended else None, max(1, ended), is_single=is_single) if row else CardReading()
        for row, share in zip(known, shares, strict=False)
    )


def _card(row: JSON, share: int | None, finished: int, *, is_single: bool) -> CardReading:
    errors = Counter[str](row["errors"])
    return CardReading(
        state=_state(row),
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
        is_lit=is_single and bool(row["request_count"] or row["in_flight"]),
    )


def _state(row: JSON) -> CardState:
    """Only recent attempts count, so that an outage that is over is no longer shown."""
    if row["cooldown_left_s"] > 0:
        return CardState.COOLING
    attempts, failures = _recent(row)
    if not attempts:
        return CardState.IDLE
    rate = failures / attempts
    if not row["success_count"] or (rate >= FAILING_FROM and failures >= FAILING_AFTER):
        return CardState.FAILING
    return CardState.DEGRADED if rate >= DEGRADED_FROM else CardState.HEALTHY


def _recent(row: JSON) -> tuple[int, int]:
    """Recent attempts and failures; all of them if the frame has no recent ones, or the newest is still running."""
    attempts, failures = row["request_count"], row["failure_count"]
    recent: int = row.get("recent_request_count", attempts)
    is_told = bool(recent) or not row["in_flight"]
    return (recent, row.get("recent_failure_count", failures)) if is_told else (attempts, failures)


def _moves(
    group: DrawnGroup, tiers: tuple[tuple[int, ...], ...], frame: JSON
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The number of requests that crossed each border between tiers: after a failure, and after a skip."""
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
