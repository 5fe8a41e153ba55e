"""`success_rate>=0.99`: an assertion of CI about a rehearsal. Pure; a fixed grammar without evaluation of code."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.outcomes import success_rate

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


def _success_rate(result: Result) -> float | None:
    return success_rate(result["successful_requests"], result["failed_requests"])


def _of_all(name: str) -> Callable[[Result], float | None]:
    return lambda result: float(result[name])


def _of_answers(name: str) -> Callable[[Result], float | None]:
    """A number about answered requests; None without any."""
    return lambda result: float(result[name]) if result["successful_requests"] else None


def _of_streams(name: str) -> Callable[[Result], float | None]:
    """A number about answered streams; None without any."""
    return lambda result: result.get(name)


FIRST_TOKENS = tuple(f"ttft_p{p}_ms" for p in (50, 95, 99))
METRICS: dict[str, Callable[[Result], float | None]] = {
    "success_rate": _success_rate,
    "latency_avg_ms": _of_answers("avg_latency_ms"),
    "latency_p50_ms": _of_answers("latency_p50_ms"),
    "latency_p95_ms": _of_answers("latency_p95_ms"),
    "latency_p99_ms": _of_answers("latency_p99_ms"),
    **{name: _of_streams(name) for name in FIRST_TOKENS},
    "fallback_count": _of_all("fallback_count"),
    "failed_requests": _of_all("failed_requests"),
    "refused_requests": _of_all("refused_requests"),
    "cost_usd": _of_all("cost_usd"),
    "virtual_duration_ms": _of_all("virtual_duration_ms"),
}
# Those of a period of the past (`tester/history`): means over its seeds, and the availability of the worst of them.
HISTORY_METRICS: dict[str, Callable[[Result], float | None]] = {
    "availability": _of_all("availability"),
    "availability_low": lambda result: float(result["ranges"]["availability"][0]),
    "lost": _of_all("lost"),
    "cost_usd": _of_all("cost_usd"),
}
EVERY_METRIC = {**METRICS, **HISTORY_METRICS}
NOTHING = "no request was answered, so there is nothing to measure"
NO_STREAM = "no stream was answered, so there is no first token to measure"


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion. Latencies are of answered requests, in milliseconds; `cost_usd` in US dollars."""

    metric: str
    operator: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric}{self.operator}{self.limit:g}"

    def value_in(self, result: Result) -> float | None:
        """The value of the metric in the result; None if there is nothing to measure."""
        return EVERY_METRIC[self.metric](result)

    def holds(self, result: Result) -> bool:
        """Whether the assertion holds; it never holds for a missing value."""
        value = self.value_in(result)
        return value is not None and OPERATORS[self.operator](value, self.limit)

    def complaint(self, result: Result) -> str:
        """Why it does not hold, in one line."""
        value = self.value_in(result)
        nothing = NO_STREAM if self.metric in FIRST_TOKENS else NOTHING
        return f"{self}: {nothing if value is None else f'it is {value:.12g}'}"


def parse_assertion(text: str) -> Assertion:
    """An assertion from `metric op number`; raises ValueError with the allowed values."""
    found = GRAMMAR.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}': write METRIC, one of {' '.join(OPERATORS)}, and a number: success_rate>=0.99")
    metric, sign, number = found.groups()
    if metric not in EVERY_METRIC:
        raise ValueError(f"'{text}': there is no metric {metric}. Known: {', '.join(EVERY_METRIC)}.")
    return Assertion(metric, sign, _number(number, text))


def _number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"'{whole}': '{text}' is not a number.")
    return number
