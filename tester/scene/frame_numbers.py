"""A frame of a run (see `engine.rehearsal.results.Tally.frame`) -> the numbers in the picture. No geometry.

Whatever counts real traffic may make such a frame too; what it leaves out is not shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from engine.outcomes import Outcome
from groups.deployments.percentages import percentages
from tester.scene.group import DrawnFault, DrawnGroup, Mode
from tester.scene.states import JSON, LIMITED, CardState, fault_at, state_of

# From this share of failed requests within the last seconds on, the hub is red.
LOSING_FROM = 0.5
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
    # A request that nobody was asked for: as rehearsals and as the log call it.
    "AllCoolingDown": "all cooling",
    "all_cooling_down": "all cooling",
    "AllRateLimited": "all limited",
    "all_rate_limited": "all limited",
    "AllAtCapacity": "all busy",
    "all_at_capacity": "all busy",
    "AllStopped": "all stopped",
    "all_stopped": "all stopped",
    "DeadlineExceeded": "deadline",
    "deadline_exceeded": "deadline",
}


@dataclass(frozen=True, slots=True)
class CardReading:
    """One deployment at one moment.

    `load` is the share of all requests that it answered, 0 to 1, `tried` of those that failed at it; `flow` its rate
    of the last seconds by its mean rate, at most 1; `now` its percentage of what was answered lately, if known.
    `skips` are requests that passed over its tier; `is_lit`: the single request of a run was sent there. `proof` says
    of one that nobody needed when it last answered, where that is known.
    """

    state: CardState = CardState.STANDBY
    attempts: int = 0
    served: int = 0
    failures: int = 0
    limited: int = 0
    in_flight: int = 0
    share: int | None = None
    load: float = 0.0
    tried: float = 0.0
    flow: float = 1.0
    now: int | None = None
    skips: int = 0
    latency_ms: float | None = None
    cooldown_left_s: float = 0.0
    failing_since_ms: float | None = None
    errors: Counter[str] = field(default_factory=Counter)
    fault: DrawnFault | None = None
    is_lit: bool = False
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Outflow:
    """Requests that no deployment of the group answered: their number, percentage, share and flow, as of a card."""

    count: int = 0
    share: int = 0
    load: float = 0.0
    flow: float = 1.0


@dataclass(frozen=True, slots=True)
class FrameNumbers:
    """A whole frame. `expected` are the requests of the whole run, if the frame has them; `elsewhere` were answered by
    fallback groups, `lost` by nobody, `untried` reached no deployment; `refused` and `left` are finished but not
    failed. `failed_down[k]` counts requests that left tier k after a failure, `skipped_to[k]` those whose first attempt
    was in tier k because all tiers before it were skipped.
    """

    has_begun: bool
    expected: int | None = None
    finished: int = 0
    failed: int = 0
    fallbacks: int = 0
    latency_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    first_token_p95_ms: float | None = None
    cost_usd: float | None = None
    cards: tuple[CardReading, ...] = ()
    failed_down: tuple[int, ...] = ()
    skipped_to: tuple[int, ...] = ()
    elsewhere: Outflow = field(default_factory=Outflow)
    lost: Outflow = field(default_factory=Outflow)
    causes: Counter[str] = field(default_factory=Counter)
    untried: int = 0
    refused: int = 0
    left: int = 0
    flow: float = 1.0
    is_losing: bool = False
    last: JSON | None = None

    @property
    def is_single(self) -> bool:
        """Whether this is a single request, not traffic."""
        return self.expected == 1 and (self.finished > 0 or any(card.is_lit for card in self.cards))

    @property
    def is_over(self) -> bool:
        """Whether all requests of the run have ended."""
        return self.expected is not None and self.finished >= self.expected


def read(group: DrawnGroup, mode: Mode, frame: JSON | None) -> FrameNumbers:
    """The numbers of a frame; None means a run that has not begun."""
    if frame is None:
        return _before(group, mode)
    requests, rows = frame["requests"], frame["deployments"]
    failed_down, skipped_past, skipped_to = _moves(group, group.tiers(mode), frame)
    cards, elsewhere, lost = _outflows(group, frame)
    return FrameNumbers(
        has_begun=True,
        expected=requests.get("expected"),
        finished=finished(requests),
        failed=requests["failed"],
        fallbacks=requests["fallbacks"],
        latency_ms=_latency_ms(requests, rows),
        p50_ms=requests.get("latency_p50_ms"),
        p95_ms=requests.get("latency_p95_ms"),
        first_token_p95_ms=requests.get("ttft_p95_ms"),
        cost_usd=requests.get("cost_usd"),
        cards=_with_proofs(group, _with_skips(group, mode, cards, skipped_past), frame.get("standbys", {})),
        failed_down=failed_down,
        skipped_to=skipped_to,
        elsewhere=elsewhere,
        lost=lost,
        causes=Counter(requests.get("causes", {})),
        untried=requests.get("untried", 0),
        refused=requests.get("refused", 0),
        left=requests.get("left", 0),
        flow=_flow(requests.get("flowing"), finished(requests), frame),
        is_losing=_is_losing(frame),
        last=_last_move(frame),
    )


def _before(group: DrawnGroup, mode: Mode) -> FrameNumbers:
    """Before the first request: the widths of streams follow the settings."""
    tiers, shares = group.tiers(mode), group.weights()
    loads = [share / 100 for share in shares]
    if mode is Mode.ORDERED and tiers:
        loads = [1 / len(tiers[0]) if n in tiers[0] else 0.0 for n in range(len(shares))]
    zeros = (0,) * max(0, len(tiers) - 1)
    return FrameNumbers(
        False, cards=tuple(CardReading(load=load) for load in loads), failed_down=zeros, skipped_to=zeros
    )


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


def _is_losing(frame: JSON) -> bool:
    """Whether at least half of the last requests failed; without their count, the traces at hand decide."""
    requests, traces = frame["requests"], frame.get("last_traces", ())
    if "flowing" in requests:
        return bool(requests["flowing_failed"]) and requests["flowing_failed"] >= LOSING_FROM * requests["flowing"]
    return bool(traces) and all(has_failed(trace) for trace in traces)


def _flow(lately: int | None, count: int, frame: JSON) -> float:
    """The rate of the last seconds by the mean rate, at most 1; 1 where the frame does not know, and at the end."""
    flow_s, at_s = frame["requests"].get("flow_s"), frame.get("at_ms", 0.0) / 1000
    if lately is None or not flow_s or not count or not at_s or _is_over(frame["requests"]):
        return 1.0
    return float(min(1.0, (lately / flow_s) / (count / at_s)))


def _is_over(requests: JSON) -> bool:
    return requests.get("expected") is not None and finished(requests) >= requests["expected"]


def _outflows(group: DrawnGroup, frame: JSON) -> tuple[tuple[CardReading, ...], Outflow, Outflow]:
    """The cards, what fallback groups answered, and what nobody did: together they are all requests."""
    requests, rows = frame["requests"], frame["deployments"]
    ids = [d.deployment_id for d in group.deployments]
    known = [rows.get(name) for name in ids]
    ended = finished(requests)
    served = [row["success_count"] if row else 0 for row in known]
    elsewhere, lost = max(0, requests["succeeded"] - sum(served)), ended - requests["succeeded"]
    *shares, elsewhere_share, lost_share = percentages([*served, elsewhere, lost])
    knows = not _is_over(requests)
    lately = [row.get("flowing_count") if row and knows else None for row in known]
    nows = percentages([count or 0 for count in lately])
    cards = tuple(
        _card(group, row, frame, share=shares[n] if ended else None, now=nows[n] if lately[n] is not None else None)
        if row
        else CardReading(fault=fault_at(group.faults, ids[n], frame.get("at_ms", 0.0)))
        for n, row in enumerate(known)
    )
    lost_flow = _flow(requests.get("flowing_failed"), lost, frame)
    return (
        cards,
        Outflow(elsewhere, elsewhere_share, elsewhere / max(1, ended)),
        Outflow(lost, lost_share, lost / max(1, ended), lost_flow),
    )


def _card(group: DrawnGroup, row: JSON, frame: JSON, *, share: int | None, now: int | None) -> CardReading:
    requests, errors = frame["requests"], Counter[str](row["errors"])
    ended = max(1, finished(requests))
    deployment_id = next(name for name, one in frame["deployments"].items() if one is row)
    fault = fault_at(group.faults, deployment_id, frame.get("at_ms", 0.0))
    return CardReading(
        state=state_of(row, fault),
        attempts=row["request_count"],
        served=row["success_count"],
        failures=row["failure_count"],
        limited=sum(errors[name] for name in LIMITED),
        in_flight=row["in_flight"],
        share=share,
        load=row["success_count"] / ended,
        tried=min(1.0, row["failure_count"] / ended),
        flow=_flow(row.get("flowing_count"), row["success_count"], frame),
        now=now,
        latency_ms=row["avg_latency_ms"] if row["success_count"] else None,
        cooldown_left_s=row["cooldown_left_s"],
        failing_since_ms=row.get("failing_since_ms"),
        errors=errors,
        fault=fault,
        is_lit=requests.get("expected") == 1 and bool(row["request_count"] or row["in_flight"]),
    )


def _with_skips(
    group: DrawnGroup, mode: Mode, cards: Sequence[CardReading], skipped_past: Sequence[int]
) -> tuple[CardReading, ...]:
    place = {n: depth for depth, tier in enumerate(group.tiers(mode)) for n in tier}
    counts = [*skipped_past, 0]
    return tuple(replace(card, skips=counts[place[n]]) if counts[place[n]] else card for n, card in enumerate(cards))


def _with_proofs(group: DrawnGroup, cards: Sequence[CardReading], standbys: JSON) -> tuple[CardReading, ...]:
    """Real traffic only: whether those on standby would answer. One whose test requests fail is down."""
    known = [standbys.get(deployment.deployment_id) for deployment in group.deployments]
    return tuple(
        replace(card, proof=found["words"], state=CardState.DOWN if found["is_dead"] else card.state)
        if found and card.state is CardState.STANDBY
        else card
        for card, found in zip(cards, known, strict=True)
    )


def _moves(
    group: DrawnGroup, tiers: tuple[tuple[int, ...], ...], frame: JSON
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """By tier but the last: requests that left it after a failure, and that passed it over; by tier but the first:
    those that were sent there at once because all before it were skipped."""
    borders = range(max(0, len(tiers) - 1))
    if (flows := frame.get("flow_data")) is None:
        none = (0,) * len(borders)
        return tuple(_estimated(group, tiers, frame)), none, none
    place = {group.deployments[n].deployment_id: depth for depth, tier in enumerate(tiers) for n in tier}
    failed, past, to = [0] * len(borders), [0] * len(borders), [0] * len(borders)
    for flow in flows:
        begins, ends = (place.get(flow[end], len(tiers)) for end in ("from_deployment", "to_deployment"))
        begins = begins if flow["from_deployment"] else -1
        if begins < 0 < ends <= len(borders):
            to[ends - 1] += flow["request_count"]
        for border in borders:
            if begins <= border < ends:
                (failed if begins == border else past)[border] += flow["request_count"]
    return tuple(failed), tuple(past), tuple(to)


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
