"""The runs of a group for lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from pages.live_tester.verdict import headline_of
from tester.models import Run
from tester.scene.wording import NONE, aside, success


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run as text: its finished or planned requests; the share of answered ones among answered and failed ones; and
    those refused and left, which are in neither, "" for none. `verdict` is the first sentence of the run's page, of its
    `kind`; both are empty without a result."""

    run: Run
    requests: str
    success: str
    refused: str
    kind: str = ""
    verdict: str = ""


def runs_of(group_id: UUID) -> QuerySet[Run]:
    """The runs of a group, newest first."""
    return newest_runs().filter(group=group_id)


def newest_runs() -> QuerySet[Run]:
    """The runs of all groups, newest first, with six numbers instead of their large results."""
    counts = {
        "expected": F("config__num_requests"),
        "finished": F("result__total_requests"),
        "failed": F("result__failed_requests"),
        "refused": F("result__refused_requests"),
        "left": F("result__left_requests"),
        "moved": F("result__fallback_count"),
    }
    return Run.objects.without_bulk().annotate(**counts)


def lines_of(runs: Iterable[Run]) -> list[RunLine]:
    """The rows of `runs_of` for display."""
    return [_line(run) for run in runs]


def _line(run: Any) -> RunLine:
    requests = run.expected if run.finished is None else run.finished
    refused, left = run.refused or 0, run.left or 0
    tried = (run.finished or 0) - refused - left
    kind, verdict = headline_of(run.finished, run.failed or 0, run.moved or 0) if run.finished else ("", "")
    return RunLine(
        run,
        requests=NONE if requests is None else f"{requests:,}",
        success=success(tried, run.failed or 0),
        refused=aside(refused, left),
        kind=kind,
        verdict=verdict,
    )
