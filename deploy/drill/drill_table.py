"""What the drill found, as a table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEAD = (
    "step",
    "requests",
    "failed",
    "why",
    "could not be saved",
    "slowest s",
    "answers with a call id",
    "of them in the log",
    "back after s",
)
# A worker that is killed has no last words: its callers see an end without an answer, or half of one.
CUT_SHORT = ("no answer", "answer cut", "stream without its end", "502", "504")


@dataclass(frozen=True)
class Judged:
    """One request as its caller saw it; times in seconds, `at` since 1970. `call_id` only of whole answers."""

    at: float
    took_s: float
    why: str = ""
    call_id: str = ""
    is_stream: bool = False


@dataclass(frozen=True)
class Struck:
    """One step: when it began and ended; of each worker that was killed without warning, when it was, and when it was
    gone, which takes a while on a busy machine; and how long each part took until it worked again."""

    name: str
    begun: float
    ended: float
    kills: tuple[tuple[float, float], ...] = ()
    back_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    requests: int
    failures: Counter[str]
    unsaved: int
    slowest_s: float
    answers: int
    logged: int
    back_s: tuple[float, ...]

    @property
    def is_good(self) -> bool:
        """No request failed that a design could have saved, and the log has all that was answered."""
        return self.failures.total() == self.unsaved and self.logged == self.answers


def could_not_be_saved(call: Judged, kills: Iterable[tuple[float, float]]) -> bool:
    """Whether it was under way while a worker was killed, and ended without a word: it may have been paid for, and
    nobody may send it again."""
    was_cut = call.why.startswith(CUT_SHORT)
    return was_cut and any(call.at <= gone and told <= call.at + call.took_s for told, gone in kills)


def rows(steps: Sequence[Struck], calls: Sequence[Judged], logged: frozenset[str]) -> list[Row]:
    """A line for each step, with the requests that began in it."""
    return [_row(step, [call for call in calls if step.begun <= call.at < step.ended], logged) for step in steps]


def _row(step: Struck, calls: Sequence[Judged], logged: frozenset[str]) -> Row:
    failed = [call for call in calls if call.why]
    answered = [call.call_id for call in calls if call.call_id]
    return Row(
        name=step.name,
        requests=len(calls),
        failures=Counter(call.why for call in failed),
        unsaved=sum(could_not_be_saved(call, step.kills) for call in failed),
        slowest_s=max((call.took_s for call in calls), default=0.0),
        answers=len(answered),
        logged=sum(call_id in logged for call_id in answered),
        back_s=step.back_s,
    )


def table(found: Iterable[Row]) -> str:
    """As Markdown."""
    lines = [HEAD, *(_cells(row) for row in found)]
    lines.insert(1, tuple("---" if number in (0, 3) else "---:" for number in range(len(HEAD))))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    why = ", ".join(f"{count} × {reason}" for reason, count in row.failures.most_common())
    numbers = (row.requests, row.failures.total(), why or "-", row.unsaved)
    back = ", ".join(f"{seconds:.1f}" for seconds in row.back_s) or "-"
    return (row.name, *map(str, numbers), f"{row.slowest_s:.2f}", str(row.answers), str(row.logged), back)
