"""When a routing group fails its callers: one rule, for the alert `group_failing` and the banner of the overview. Pure.

It counts answered and failed requests; refused ones and callers that left do not count. The rule has two clauses: a
small share of many requests within seconds, and a large share of few within minutes, so that it covers both a busy
group and one with five requests in ten minutes. Either clause is enough.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

EXAMPLE = "5% of 20 in 60 s, 50% of 5 in 600 s"
SPELLING = re.compile(r"(\d+(?:\.\d+)?) ?% of (\d+) in (\d+) ?s")
LONGEST_S = 3600
# An open alert is over when the share is below half of the raising one, for any number of requests.
OVER_BELOW = 0.5
SUBJECT_LIMIT = 128


@dataclass(frozen=True, slots=True)
class RuleClause:
    """At least `percent` (0 to 100) of at least `least` requests failed within `within_s` seconds."""

    percent: float
    least: int
    within_s: int

    @property
    def within(self) -> str:
        """`60 seconds`, `10 minutes`."""
        minutes, seconds = divmod(self.within_s, 60)
        return f"{self.within_s} seconds" if seconds or minutes < 2 else f"{minutes} minutes"

    def holds(self, requests: int, failed: int, *, is_open: bool) -> bool:
        """Whether the clause holds; a lower share is enough for an open alert."""
        if is_open:
            return failed > 0 and 100 * failed >= OVER_BELOW * self.percent * requests
        return requests >= self.least and 100 * failed >= self.percent * requests


@dataclass(frozen=True, slots=True)
class Answers:
    """The counts of one group: for each clause, the answered or failed requests, and the failed ones."""

    group: str
    counts: tuple[tuple[int, int], ...]

    @property
    def subject(self) -> str:
        """The subject of its alert."""
        return self.group[:SUBJECT_LIMIT]


@dataclass(frozen=True, slots=True)
class FailingGroup:
    """A group for which a clause holds, with its counts."""

    group: str
    requests: int
    failed: int
    within: str

    @property
    def numbers(self) -> str:
        """`failed 40 of 40 requests in the last 10 minutes`."""
        return f"failed {self.failed:,} of {self.requests:,} requests in the last {self.within}"


def rule_of(text: str) -> tuple[RuleClause, ...]:
    """The clauses of `5% of 20 in 60 s, 50% of 5 in 600 s`. Raises ValueError with a correct example."""
    found = [SPELLING.fullmatch(one.strip()) for one in text.split(",")]
    parts = tuple(RuleClause(float(one[1]), int(one[2]), int(one[3])) for one in found if one)
    is_fine = all(0.1 <= p.percent <= 100 and p.least >= 1 and 5 <= p.within_s <= LONGEST_S for p in parts)
    if None in found or len(parts) != 2 or not is_fine:
        raise ValueError(f"Give two parts such as '{EXAMPLE}': percent, least requests, seconds up to {LONGEST_S}.")
    return parts


def with_percent(rule: Sequence[RuleClause], percent: float) -> tuple[RuleClause, ...]:
    """The rule with another share in its first clause: the threshold that admins set."""
    return (replace(rule[0], percent=percent), *rule[1:])


def failing_groups(
    answers: Iterable[Answers], rule: Sequence[RuleClause], *, open: Collection[str] = ()
) -> list[FailingGroup]:
    """The failing groups; a group with an `open` alert stays until all shares are below half."""
    found = (_failing(one, rule, is_open=one.subject in open) for one in answers)
    return [one for one in found if one is not None]


def _failing(answers: Answers, rule: Sequence[RuleClause], *, is_open: bool) -> FailingGroup | None:
    """By the last clause that holds: the one with the longest time has the most information."""
    for part, (requests, failed) in reversed(list(zip(rule, answers.counts, strict=True))):
        if part.holds(requests, failed, is_open=is_open):
            return FailingGroup(answers.group, requests, failed, part.within)
    return None
