"""What each deployment of a run can take at a time: its own, as in an earlier run with its seed, or as measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from engine import fields
from engine.rehearsal.capacity import MOST_QUEUED, MOST_SLOTS, Capacity
from engine.spec import DeploymentSpec, GroupSpec
from usage.health.capacity_fit import FittedCapacity, SeenLimit

FIELD = "capacities"
# Of runs that are older than this measurement.
NOT_MEASURED = "not_measured"
REASONS = {
    SeenLimit.TOO_FEW: "too few answers to tell",
    SeenLimit.IDLE: "never under load",
    SeenLimit.UNLIMITED: "none seen",
    NOT_MEASURED: "not measured",
}


class CapacityFrom(StrEnum):
    """Who says what a deployment can take; `none`: nobody, and then it takes anything."""

    GIVEN = "given"
    MEASURED = "measured"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class KnownCapacity:
    """`why` is why there is none; of a measured one `rows` answers were looked at, at most `most_at_once` together."""

    source: CapacityFrom
    capacity: Capacity | None = None
    why: str = ""
    rows: int | None = None
    most_at_once: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The capacity's own fields, and where they are from."""
        told = {"source": self.source.value, "why": self.why, "rows": self.rows, "most_at_once": self.most_at_once}
        known = {} if self.capacity is None else fields.written(self.capacity)
        return {**known, **{name: value for name, value in told.items() if value not in (None, "")}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownCapacity:
        """What `to_json` described; raises BadInput."""
        told = {name: data[name] for name in ("why", "rows", "most_at_once") if name in data}
        known = {name: value for name, value in data.items() if name not in told and name != "source"}
        return cls(CapacityFrom(data["source"]), Capacity.from_json(known) if known else None, **told)

    def __str__(self) -> str:
        """In words: `4 at a time, 6 wait; measured: 812 answers`."""
        if self.capacity is None:
            return f"no limit: {REASONS.get(self.why, 'not known')}"
        limits = ", ".join(_limits(self.capacity))
        return f"{limits}; measured: {self.rows:,} answers" if self.rows else f"{limits}; {self.source}"


def _limits(capacity: Capacity) -> Iterator[str]:
    if capacity.slots < MOST_SLOTS:
        yield f"{capacity.slots:,} at a time"
        if capacity.queue == MOST_QUEUED:
            yield "others wait"
        else:
            yield f"{capacity.queue:,} wait" if capacity.queue else "none waits"
    for speed, what in ((capacity.prefill_tokens_per_s, "read"), (capacity.decode_tokens_per_s, "written")):
        if speed is not None:
            yield f"{speed:,.0f} tokens/s {what} by all together"
    if capacity == Capacity(MOST_SLOTS, capacity.queue):
        yield "no limit"


def measured_capacity(fitted: FittedCapacity) -> KnownCapacity:
    """What the log says. Nothing is limited while it is unsure."""
    capacity = fitted.capacity
    source, why = (CapacityFrom.MEASURED, "") if capacity else (CapacityFrom.NONE, fitted.found.value)
    return KnownCapacity(source, capacity, why, fitted.rows, fitted.most_at_once)


def own_capacities(specs: Iterable[GroupSpec]) -> dict[str, KnownCapacity]:
    """Those that the deployments have been given, by deployment id."""
    rows = [row for spec in specs for row in spec.deployments]
    return {row.deployment_id: KnownCapacity(CapacityFrom.GIVEN, row.capacity) for row in rows if row.capacity}


def of_earlier_run(capacities: Mapping[str, Any] | None, ids: Iterable[str]) -> dict[str, KnownCapacity]:
    """Those of a stored run that were not given."""
    if capacities is None:
        return {name: KnownCapacity(CapacityFrom.NONE, None, NOT_MEASURED) for name in ids}
    return {name: KnownCapacity.from_json(row) for name, row in capacities.items() if row["source"] != "given"}


def capacities_in(config: Mapping[str, Any]) -> dict[str, KnownCapacity]:
    """Those of a run's configuration; none in older runs."""
    return {name: KnownCapacity.from_json(row) for name, row in (config.get(FIELD) or {}).items()}


def limited(specs: Sequence[GroupSpec], known: Mapping[str, KnownCapacity]) -> list[GroupSpec]:
    """The groups, whose deployments can take what is known of them. Their own capacity wins."""
    return [replace(spec, deployments=tuple(_limited(row, known) for row in spec.deployments)) for spec in specs]


def _limited(row: DeploymentSpec, known: Mapping[str, KnownCapacity]) -> DeploymentSpec:
    told = known.get(row.deployment_id)
    return row if row.capacity or told is None or told.capacity is None else replace(row, capacity=told.capacity)
