"""A draft beside its stored group, for the builder: shortly, with few seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from access.models import Actor
from engine.spec import GroupSpec
from tester.comparing.performing import compare
from tester.comparing.planning import ComparisonPlan
from tester.comparing.wording import Line, lines_of
from tester.runs.brief_rehearsal import PATIENCE_S, fits_of, job_of
from tester.runs.seeds import DRAFT_SEEDS

SHOWN = ("success_rate", "latency_p95_ms", "ttft_p95_ms", "cost_usd")


@dataclass(frozen=True, slots=True)
class DraftComparison:
    """The number of seeds, and the lines of a table: A is the stored group, B the draft."""

    seeds: int
    lines: list[Line]


def compare_draft(
    *, by: Actor, stored: Sequence[GroupSpec], draft: Sequence[GroupSpec], scenario: str
) -> DraftComparison:
    """Rehearses both; waits for it. Raises BadInput and RunBroken."""
    # One speed of each deployment: how many answers it is measured by hangs on how many deployments there are.
    fits = fits_of([*stored, *draft])
    a, b = job_of(stored, scenario, fits), job_of(draft, scenario, fits)
    plan = ComparisonPlan(a, b, ("saved", "draft"), DRAFT_SEEDS)
    compared = compare(by=by, plan=plan, within_s=PATIENCE_S)
    shown = [one for one in compared.differences if one.metric in SHOWN]
    return DraftComparison(DRAFT_SEEDS, lines_of(shown, compared.a[0], compared.b[0]))
