"""A rehearsal of a period of the past as data: the message to a worker process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.history import hours
from engine.history.stretches import Stretch
from engine.rehearsal.jobs import specs_from_json, specs_to_json
from engine.spec import FallbackPolicy, GroupSpec, Router

Subject = tuple[str, ...]
# What tells the message from that of another job.
KIND = "history"
LONGEST_RECOVERY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class HistoryJob:
    """`hours` hours from `starts` (a whole hour, UTC) through the first of `specs`; the others are its fallback groups.

    `requests_per_hour` come at random moments of each hour, `seeds` times, from `first_seed` on. `services` are by
    provider, `stretches` by service. With `is_whole`, quiet hours are simulated too.
    """

    specs: tuple[GroupSpec, ...]
    starts: datetime
    hours: int
    services: Mapping[str, str]
    stretches: Mapping[str, tuple[Stretch, ...]]
    requests_per_hour: int = 60
    seeds: int = 5
    first_seed: int = 1
    input_tokens: int = 500
    output_tokens: int = 100
    is_stream: bool = False
    deadline_s: float = 600.0
    is_whole: bool = False
    weeks: Sequence[int] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "weeks", tuple(hours.week_starts(self.starts, self.hours)))

    @property
    def providers(self) -> tuple[str, ...]:
        """Those that can answer, in the order of their deployments."""
        return tuple(dict.fromkeys(d.provider for spec in self.specs for d in spec.deployments))

    @property
    def ends(self) -> datetime:
        """The moment after its last hour."""
        return self.starts + timedelta(hours=self.hours)

    @property
    def subjects(self) -> list[Subject]:
        """Whose courses the answer needs: all providers together, then each alone."""
        alone = [(name,) for name in self.providers]
        return [self.providers, *(alone if len(alone) > 1 else ())]

    @property
    def seed_numbers(self) -> range:
        """All seeds, in order."""
        return range(self.first_seed, self.first_seed + self.seeds)

    @property
    def recovery_s(self) -> float:
        """How long after an incident its breakers may stay open."""
        policies = [spec.cooldown for spec in self.specs]
        longest = max(one.longest_s if one.cooldown_time_s is None else one.cooldown_time_s for one in policies)
        return min(LONGEST_RECOVERY_S, max(hours.RECOVERY_S, longest))

    def windows(self, providers: Sequence[str]) -> list[range]:
        """The hours to simulate if only these providers are asked."""
        if self.is_whole:
            return hours.windows(range(self.hours), self.weeks)
        struck: set[int] = set()
        for name in {self.services[one] for one in providers if one in self.services}:
            struck |= hours.struck_hours(self.stretches[name], count=self.hours, recovery_s=self.recovery_s)
        return hours.windows(struck, self.weeks)

    @property
    def simulated_requests(self) -> int:
        """How many requests it takes, but for the samples of quiet time."""
        count = sum(len(window) for names in self.subjects for window in self.windows(names))
        return count * self.requests_per_hour * self.seeds

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without credentials."""
        rest = {name: getattr(self, name) for name in _PLAIN}
        return {
            "kind": KIND,
            "specs": specs_to_json(self.specs),
            "starts": self.starts.isoformat(),
            "services": dict(self.services),
            "stretches": {name: [list(one) for one in rows] for name, rows in self.stretches.items()},
            **rest,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HistoryJob:
        """The job that `to_json` described."""
        return cls(
            specs=specs_from_json(data),
            starts=datetime.fromisoformat(data["starts"]),
            services=data["services"],
            stretches={name: tuple(Stretch(*one) for one in rows) for name, rows in data["stretches"].items()},
            **{name: data[name] for name in _PLAIN},
        )


@dataclass(frozen=True, slots=True)
class CourseJob:
    """What a worker does at a time: the period once, with these providers and this seed."""

    history: HistoryJob
    providers: Subject
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without credentials."""
        return {**self.history.to_json(), "providers": list(self.providers), "seed": self.seed}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CourseJob:
        """The job that `to_json` described."""
        return cls(HistoryJob.from_json(data), tuple(data["providers"]), data["seed"])


_PLAIN = (
    *("hours", "requests_per_hour", "seeds", "first_seed", "input_tokens", "output_tokens", "is_stream"),
    *("deadline_s", "is_whole"),
)


def only(specs: Sequence[GroupSpec], providers: Sequence[str]) -> tuple[GroupSpec, ...]:
    """The groups with the deployments of these providers only; a group without any is gone.

    All are routed by our own core: LiteLLM's Router would take an hour for a year.
    """
    kept = [
        replace(spec, router=Router.NATIVE, deployments=rows)
        for spec in specs
        if (rows := tuple(d for d in spec.deployments if d.provider in providers))
    ]
    names = {spec.name for spec in kept}
    return tuple(replace(spec, fallback=_among(spec.fallback, names)) for spec in kept)


def _among(fallback: FallbackPolicy, names: set[str]) -> FallbackPolicy:
    lists = (fallback.groups, fallback.context_window_groups, fallback.content_policy_groups)
    return FallbackPolicy(*(tuple(name for name in one if name in names) for one in lists))
