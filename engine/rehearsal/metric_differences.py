"""Two configurations under the same seeds: what differs between them, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine.rehearsal.ranges import SHARE, ranges_of

Metrics = Mapping[str, float]
Side = Literal["a", "b"]

HIGHER, LOWER = 1, -1
# The direction that is better. Metrics that are not here have none: shares of deployments and of fallbacks, rescues
# and hedges are ways to an answer, neither good nor bad by themselves.
BETTER: Mapping[str, int] = {
    "success_rate": HIGHER,
    "refused_share": LOWER,
    "left_share": LOWER,
    "repeated_share": LOWER,
    "latency_p50_ms": LOWER,
    "latency_p95_ms": LOWER,
    "latency_p99_ms": LOWER,
    "ttft_p50_ms": LOWER,
    "ttft_p95_ms": LOWER,
    "ttft_p99_ms": LOWER,
    "cost_usd": LOWER,
}
DIGITS = 9


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """One number of two configurations.

    `a` and `b` are medians over the seeds, `low` and `high` the range of b - a, seed by seed: None where it was not
    measured. `better` is the side that was better with every seed; None if there is no such side, or no better
    direction.
    """

    metric: str
    a: float | None
    b: float | None
    low: float | None
    high: float | None
    better: Side | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def differences_of(a: Sequence[Metrics], b: Sequence[Metrics]) -> list[MetricDifference]:
    """The difference of every metric that one of them measured; both lists have the same seeds in the same order."""
    a, b = _with_all_shares(a, b), _with_all_shares(b, a)
    medians = {side: {name: one.median for name, one in ranges_of(rows).items()} for side, rows in (("a", a), ("b", b))}
    pairs = list(zip(a, b, strict=True))
    return [
        _difference(name, medians["a"].get(name), medians["b"].get(name), _moves(name, pairs))
        for name in _in_order(medians["a"], medians["b"])
    ]


def better_of(metric: str, low: float, high: float) -> Side | None:
    """The side that was better with every seed: the whole range of b - a is on its side of 0."""
    direction = BETTER.get(metric, 0)
    worst, best = sorted((direction * low, direction * high))
    if worst > 0:
        return "b"
    return "a" if best < 0 else None


def _difference(metric: str, a: float | None, b: float | None, moves: Sequence[float]) -> MetricDifference:
    if not moves:
        return MetricDifference(metric, a, b, None, None, None)
    low, high = min(moves), max(moves)
    return MetricDifference(metric, a, b, low, high, better_of(metric, low, high))


def _moves(metric: str, pairs: Sequence[tuple[Metrics, Metrics]]) -> list[float]:
    """From a to b with each seed that measured both."""
    return [round(b[metric] - a[metric], DIGITS) for a, b in pairs if metric in a and metric in b]


def _in_order(*names: Mapping[str, float]) -> Iterator[str]:
    """Every name once; the shares of deployments last."""
    known = dict.fromkeys(name for some in names for name in some)
    yield from sorted(known, key=lambda name: name.startswith(SHARE))


def _with_all_shares(rows: Sequence[Metrics], others: Sequence[Metrics]) -> list[Metrics]:
    """A deployment that only the others have has answered nothing here, where anything was answered."""
    shares = {name: 0.0 for row in others for name in row if name.startswith(SHARE)}
    return [{**shares, **row} if any(name.startswith(SHARE) for name in row) else row for row in rows]
