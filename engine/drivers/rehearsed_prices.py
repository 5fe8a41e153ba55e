"""The simulator's side of price changes: from a moment on other prices decide whom cost-based routing asks, and what
answers cost. An answer costs what its deployment takes when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from engine.core.state import Target
from engine.drivers.compiling import cost_of
from engine.drivers.rehearsed_requests import Place
from engine.faults.kinds import PriceChange
from engine.faults.targets import targets
from engine.rehearsal.jobs import Job
from engine.spec import DeploymentSpec

MILLION = 1_000_000


class RunHooks(Protocol):
    """What it needs of the run: its heap."""

    overtaken: int

    def at(self, when: float, happen: Callable[[Any], None], about: Any) -> None: ...


class Prices:
    """Those of one run."""

    def __init__(self, run: RunHooks, job: Job, places: Iterable[Mapping[Target, Place]]) -> None:
        self._changes = {
            number: (aimed, aimed.fault, targets(aimed.target, job.specs, job.profiles))
            for number, aimed in enumerate(job.scenario.faults)
            if isinstance(aimed.fault, PriceChange)
        }
        self.struck: set[int] = set()  # positions of those that have changed a price
        self._run, self._places = run, [pair for some in places for pair in some.items()] if self._changes else []
        self._own = {target: place.row for target, place in self._places}

    def await_changes(self) -> None:
        """They change when their time comes; a run does not wait for that when all else is done."""
        moments = {at_s for aimed, _, _ in self._changes.values() for at_s in (aimed.from_s, aimed.over_s)}
        for at_s in sorted(moment for moment in moments if not math.isinf(moment)):
            self._run.overtaken += 1
            self._run.at(at_s, self._change, at_s)

    def _change(self, at_s: float) -> None:
        self._run.overtaken -= 1
        for target, place in self._places:
            row = self._own[target]
            for number, (aimed, fault, struck) in self._changes.items():
                if row.deployment_id in struck and aimed.from_s <= at_s < aimed.over_s:
                    self.struck.add(number)
                    row = repriced(row, fault)
            place.row = place.count.spec = row
            place.input_usd = row.cost_usd(input_tokens=1, output_tokens=0) or 0.0
            place.output_usd = row.cost_usd(input_tokens=0, output_tokens=1) or 0.0
            target.cost_usd = cost_of(row)


def repriced(row: DeploymentSpec, change: PriceChange) -> DeploymentSpec:
    """The deployment at other prices. A factor is that of cached input, too; what nobody knows stays unknown."""
    if (factor := change.factor) is not None:
        return replace(
            row,
            input_cost_per_token_usd=_times(row.input_cost_per_token_usd, factor),
            output_cost_per_token_usd=_times(row.output_cost_per_token_usd, factor),
            cached_input_cost_per_token_usd=_times(row.cached_input_cost_per_token_usd, factor),
            cache_write_cost_per_token_usd=_times(row.cache_write_cost_per_token_usd, factor),
        )
    read, written = change.input_cost_per_million, change.output_cost_per_million
    return replace(
        row,
        input_cost_per_token_usd=row.input_cost_per_token_usd if read is None else read / MILLION,
        output_cost_per_token_usd=row.output_cost_per_token_usd if written is None else written / MILLION,
    )


def _times(price: float | None, factor: float) -> float | None:
    return None if price is None else price * factor
