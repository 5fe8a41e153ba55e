"""A comparison as a table for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.rehearsal.metric_differences import MetricDifference
from tester.comparing.wording import lines_of

HEADINGS = ("metric", "A", "B", "B - A", "range over the seeds", "")
CHANCE = "A side is better where it was better with every seed; other differences may be chance."


def table(told: Mapping[str, Any], differences: Sequence[MetricDifference]) -> str:
    """The answer of the API: both sides, the differences, and what was left out."""
    rows = [
        HEADINGS,
        *(
            (line.label, line.a, line.b, line.change, line.range, line.verdict)
            for line in lines_of(differences, told["a"], told["b"])
        ),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    first, seeds = told["a"], told["seeds"]
    return "\n".join(
        [
            *(f"{side.upper()}  {told['names'][side]}" for side in ("a", "b")),
            f"   {first['total_requests']:,} requests on each side, {seeds} seed{'s' if seeds > 1 else ''} from "
            f"{first['seed']}",
            *(f"   {note}" for note in told["notes"]),
            "",
            *(_aligned(row, widths) for row in rows),
            "",
            CHANCE,
            "",
        ]
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, range(len(row)), strict=True)
    return "  ".join(
        cell.ljust(width) if column in (0, len(row) - 1) else cell.rjust(width) for cell, width, column in cells
    ).rstrip()
