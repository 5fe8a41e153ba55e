"""What was rehearsed beside what came: numbers of both sides, and whether they agree. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# The most between live and the median of the rehearsal, or between its seeds where live is among them.
POINTS, WIDEST = 0.03, 0.10
PART = 0.15
# Of these numbers, which are shares of all requests or of all answers.
SHARE = "share:"
RATES = ("success", "fell back")
# `first` is the time to the first token of a stream.
TIMES = ("p50", "p95", "first p50", "first p95")

Numbers = Mapping[str, float]


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile, as the API has it."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * 100) * len(ordered) // 100) - 1)]


@dataclass(frozen=True)
class Line:
    """One number of a case: rehearsed with its range, live in each run, and what gateway and machine added (times)."""

    what: str
    low: float
    rehearsed: float
    high: float
    live: tuple[float, ...]
    noise: float = 0.0

    @property
    def middle(self) -> float:
        """The median of the live runs."""
        return median(self.live)

    @property
    def is_time(self) -> bool:
        """Whether it is in milliseconds; else it is a share."""
        return self.what in TIMES

    @property
    def off(self) -> float:
        """How far live is from the rehearsal: of shares in points (0 to 1), of times as a part of the live one."""
        apart = self.middle - self.rehearsed
        return apart / self.middle if self.is_time and self.middle else apart

    @property
    def verdict(self) -> str:
        """Why it agrees: `near`, `in range`, `overhead`; or `off`, `chance` (a range too wide to bet on)."""
        if self.is_time:
            if abs(self.off) <= PART:
                return "near"
            return "overhead" if 0 <= self.middle - self.rehearsed <= self.noise else "off"
        if abs(self.off) <= POINTS + 1e-9:
            return "near"
        if not self.low - 1e-9 <= self.middle <= self.high + 1e-9:
            return "off"
        return "in range" if self.high - self.low <= WIDEST + 1e-9 else "chance"

    @property
    def is_met(self) -> bool:
        """Whether somebody could have relied on it."""
        return self.verdict in ("near", "in range", "overhead")


def lines_of(ranges: Mapping[str, Sequence[float]], runs: Sequence[Numbers], noise: Numbers) -> Iterator[Line]:
    """The numbers that both sides have, in the order of the rehearsal's; `ranges` are `[low, median, high]`."""
    for what, (low, middle, high) in ranges.items():
        if live := tuple(run[what] for run in runs if what in run):
            yield Line(what, low, middle, high, live, noise.get(what, 0.0))


def are_met(lines: Sequence[Line]) -> bool:
    """Whether a case is faithful."""
    return bool(lines) and all(line.is_met for line in lines)
