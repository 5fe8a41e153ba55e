"""Recorded failures -> faults over time: what the attempts of a period tell about the deployments that were asked.

What this can't know: how a deployment was while nobody asked it. It is taken to be as it was at the nearest attempt,
for a minute at most; a deployment without a failed attempt has no fault. Slow answers are no faults: how fast a
deployment is comes from its measured profile. Nor are attempts that say nothing about the deployment: those that the
caller left, bad requests, and refused keys of callers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby, islice, takewhile
from typing import NamedTuple

from engine.faults.kinds import (
    ConnectionRefused,
    ContentFilter,
    ErrorStatus,
    Fault,
    RateLimit,
    ServerError,
    StreamCut,
    StreamStall,
    Timeout,
    Unauthorised,
)
from engine.faults.scenarios import MOST_FAULTS
from engine.faults.targets import TargetedFault
from engine.ledger import RATE_LIMITS, TIMEOUTS
from engine.outcomes import ABOUT_THE_REQUEST
from engine.rehearsal.recorded_traffic import RecordedAttempt

BIN_S = 10.0
# How long a deployment that was not asked is taken to be as at the nearest attempt.
HOLDS_S = 60.0
# From this share of failed attempts on it was down.
DOWN_SHARE = 0.9
# So many failures in a row tell when it went down, and came back.
ENOUGH = 2
REFUSALS = frozenset({401, 402, 403})
CONTENT_FILTERED = "ContentPolicyViolationError"


class _Seen(NamedTuple):
    """One attempt that says something about its deployment: its time in seconds of the run, and what failed, if so."""

    at_s: float
    fault: Fault | None


@dataclass(slots=True)
class _Window:
    """A time in which a deployment failed: how many attempts it had, and how many of them failed in each way."""

    from_s: float
    until_s: float
    attempts: int
    failed: Counter[Fault] = field(default_factory=Counter)

    @property
    def is_down(self) -> bool:
        return self.failed.total() >= DOWN_SHARE * self.attempts

    def takes_in(self, other: _Window) -> bool:
        """Whether the one after it is more of the same; then it is part of this one."""
        is_same = self.is_down and other.is_down and self.failed.keys() == other.failed.keys()
        if not is_same or other.from_s > self.until_s:
            return False
        self.until_s, self.attempts = other.until_s, self.attempts + other.attempts
        self.failed += other.failed
        return True


def recorded_faults(
    attempts: Iterable[RecordedAttempt], *, began: datetime, span_s: float, most: int = MOST_FAULTS
) -> tuple[TargetedFault, ...]:
    """The faults of a run that repeats these attempts: `began` is its second 0, `span_s` its length.

    Each has one deployment, a window (bins of 10 s, longer ones where there would be more than `most` faults, and exact
    edges where it went down or came back), and the share of its attempts that failed so.
    """
    seen: dict[str, list[_Seen]] = defaultdict(list)
    for attempt in attempts:
        if attempt.deployment_id and says_something(attempt):
            at_s = max(0.0, (attempt.at - began).total_seconds())
            seen[attempt.deployment_id].append(_Seen(at_s, fault_of(attempt)))
    failing = {
        name: sorted(rows, key=lambda one: one.at_s) for name, rows in seen.items() if any(r.fault for r in rows)
    }
    width_s = BIN_S
    while len(faults := _faults(failing, width_s)) > most and width_s <= 2 * span_s:
        width_s *= 2
    return tuple(faults[:most])


def says_something(attempt: RecordedAttempt) -> bool:
    """Whether an attempt says how its deployment was."""
    if attempt.status == "success":
        return True
    if attempt.status != "error" or attempt.is_own_key_refused:
        return False
    return attempt.status_code not in ABOUT_THE_REQUEST or attempt.error_class == CONTENT_FILTERED


def fault_of(attempt: RecordedAttempt) -> Fault | None:
    """What failed, in the words of scenarios; None for an attempt that was answered."""
    if attempt.status != "error":
        return None
    code, name = attempt.status_code, attempt.error_class
    if attempt.has_begun:
        return StreamStall() if name in TIMEOUTS else StreamCut()
    if name == CONTENT_FILTERED:
        return ContentFilter()
    if code == 429 or name in RATE_LIMITS:
        return RateLimit()
    if code in REFUSALS:
        return Unauthorised()
    if code is None:
        return Timeout() if name in TIMEOUTS else ConnectionRefused()
    return ServerError(code) if code in (500, 502, 503) else ErrorStatus(min(599, max(400, code)))  # type: ignore[arg-type]


def _faults(failing: dict[str, list[_Seen]], width_s: float) -> list[TargetedFault]:
    found = [
        fault for name, rows in failing.items() for window in _windows(rows, width_s) for fault in _told(window, name)
    ]
    return sorted(found, key=lambda one: (one.from_s, one.target))


def _told(window: _Window, target: str) -> Iterator[TargetedFault]:
    """A fault for each way to fail. They strike one after the other, so each has its share of what the ones before
    left."""
    left = window.attempts
    for fault, count in window.failed.most_common():
        share = round(min(1.0, count / left), 4)
        left -= count
        if share and window.until_s > window.from_s:
            yield TargetedFault(fault, target, share, window.from_s, window.until_s)


def _windows(rows: Sequence[_Seen], width_s: float) -> list[_Window]:
    """The times in which a deployment failed, in order, without overlaps."""
    windows: list[_Window] = []
    for _, numbers in groupby(range(len(rows)), key=lambda n: rows[n].at_s // width_s):
        window = _window(rows, [*numbers], width_s)
        if window is None:
            continue
        if windows:
            window.from_s = max(window.from_s, windows[-1].until_s)
            if windows[-1].takes_in(window):
                continue
        windows.append(window)
    return windows


def _window(rows: Sequence[_Seen], numbers: Sequence[int], width_s: float) -> _Window | None:
    """The failures in one bin: over all of it, or from the first to the last where it was down between them."""
    failed = [n for n in numbers if rows[n].fault]
    if not failed:
        return None
    start_s = rows[numbers[0]].at_s // width_s * width_s
    first, last = failed[0], failed[-1]
    down = _Window(_begins(rows, first), _ends(rows, last), last - first + 1, _counted(rows[first : last + 1]))
    if down.is_down and (len(failed) == len(numbers) or _in_a_row(rows, first, last) >= ENOUGH):
        return down
    return _Window(start_s, start_s + width_s, len(numbers), down.failed)


def _in_a_row(rows: Sequence[_Seen], first: int, last: int) -> int:
    """How many failures there are from the first to the last one, with those before and after them, in other bins."""
    before = takewhile(lambda n: rows[n].fault, range(first - 1, -1, -1))
    after = takewhile(lambda n: rows[n].fault, range(last + 1, len(rows)))
    return last - first + 1 + sum(1 for _ in islice(chain(before, after), ENOUGH))


def _counted(rows: Iterable[_Seen]) -> Counter[Fault]:
    return Counter(row.fault for row in rows if row.fault)


def _begins(rows: Sequence[_Seen], n: int) -> float:
    """The middle between an attempt and the one before it, at most a minute before it; for the first, the minute."""
    at_s = rows[n].at_s
    before_s = (rows[n - 1].at_s + at_s) / 2 if n else 0.0
    return round(max(0.0, at_s - HOLDS_S, before_s), 3)


def _ends(rows: Sequence[_Seen], n: int) -> float:
    at_s = rows[n].at_s
    after_s = (rows[n + 1].at_s + at_s) / 2 if n + 1 < len(rows) else at_s + HOLDS_S
    # An attempt is inside its own window, also where the next one came in the same millisecond.
    return round(min(at_s + HOLDS_S, after_s) + 0.001, 3)
