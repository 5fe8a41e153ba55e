"""Both sides of some cases: measured through the product, rehearsed, then played."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from bench.fidelity import live, rehearsed
from bench.fidelity.cases import Case
from bench.fidelity.rows import Measured, machine, state_of
from bench.fidelity.stage import Built, Stage


def batches(cases: Sequence[Case], at_once: int) -> Iterator[list[Case]]:
    """Cases that are played side by side: before processes of the same kind, and begin alike."""
    ordered = sorted(cases, key=_kind)
    for _, group in groupby(ordered, key=_kind):
        alike = list(group)
        yield from (alike[n : n + at_once] for n in range(0, len(alike), at_once))


def _kind(case: Case) -> tuple[int, bool, bool]:
    return case.processes, case.is_shared, case.is_by_minute


def perform(stage: Stage, cases: Sequence[Case], runs: int) -> Iterator[tuple[Case, Measured]]:
    """All of one batch: measured, rehearsed, then played; each time by processes that know nothing yet."""
    with stage.processes() as (ours,):
        built = [stage.build(ours, case) for case in cases]
        ours.catch_up()
        both = list(zip(cases, built, strict=True))
        asyncio.run(live.measure(ours, both))
    with stage.processes() as (ours,):  # the log of those before is written
        ranges = [rehearsed.ranges_of(ours, *one) for one in both]
    played = [_played(stage, both) for _ in range(runs)]
    for n, case in enumerate(cases):
        of_case = [one[n] for one in played]
        yield (
            case,
            Measured(
                case.name,
                case.strategy,
                state_of(case, runs),
                datetime.now(UTC).isoformat(timespec="seconds"),
                of_case[0].total,
                ranges[n],
                [one.numbers for one in of_case],
                [one.noise for one in of_case],
                [one.errors for one in of_case],
                round(os.getloadavg()[0], 1),
                machine(),
            ),
        )


def _played(stage: Stage, both: Sequence[tuple[Case, Built]]) -> list[live.Played]:
    with stage.serving(both[0][0]) as consoles:
        return asyncio.run(live.play(consoles, stage.world, both))
