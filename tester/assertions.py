"""`success_rate>=0.99`: what somebody's CI demands of a rehearsal. Pure; a fixed grammar, nothing is evaluated."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Result = Mapping[str, Any]

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
GRAMMAR = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=|==|!=|>|<)\s*([-+0-9.eE]+)\s*")


def success_rate(result: Result) -> float:
    """Answered requests as a share of all, 0 to 1; 0 when there were none."""
    total = result["total_requests"]
    return float(result["successful_requests"] / total) if total else 0.0


METRICS: dict[str, Callable[[Result], float]] = {
    "success_rate": success_rate,
    "latency_avg_ms": lambda result: float(result["avg_latency_ms"]),
    "latency_p50_ms": lambda result: float(result["latency_p50_ms"]),
    "latency_p95_ms": lambda result: float(result["latency_p95_ms"]),
    "latency_p99_ms": lambda result: float(result["latency_p99_ms"]),
    "fallback_count": lambda result: float(result["fallback_count"]),
    "failed_requests": lambda result: float(result["failed_requests"]),
    "cost_usd": lambda result: float(result["cost_usd"]),
    "virtual_duration_ms": lambda result: float(result["virtual_duration_ms"]),
}


@dataclass(frozen=True, slots=True)
class Assertion:
    """One demand. Latencies are of answered requests, in milliseconds; `cost_usd` in US dollars."""

    metric: str
    operator: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric}{self.operator}{self.limit:g}"

    def value_in(self, result: Result) -> float:
        """What the result has to say about the metric."""
        return METRICS[self.metric](result)

    def holds(self, result: Result) -> bool:
        """Whether the result is as demanded."""
        return OPERATORS[self.operator](self.value_in(result), self.limit)


def parse_assertion(text: str) -> Assertion:
    """An assertion from `metric op number`; raises ValueError that says what is possible."""
    found = GRAMMAR.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}': write METRIC, one of {' '.join(OPERATORS)}, and a number: success_rate>=0.99")
    metric, sign, number = found.groups()
    if metric not in METRICS:
        raise ValueError(f"'{text}': there is no metric {metric}. Known: {', '.join(METRICS)}.")
    return Assertion(metric, sign, _number(number, text))


def _number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"'{whole}': '{text}' is no number.")
    return number
