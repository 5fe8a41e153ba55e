"""A rehearsal as data: the message to a worker process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from engine.faults.scenarios import Scenario
from engine.rehearsal.called_names import Called
from engine.rehearsal.capacity import Capacity
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Workload
from engine.spec import (
    CooldownPolicy,
    DeploymentSpec,
    ErrorRule,
    FallbackPolicy,
    GroupSpec,
    HedgePolicy,
    RetryPolicy,
    Router,
    StickyPolicy,
    Strategy,
    Unsupported,
)

DEFAULT_FRAME_S = 0.25
# After this many frames the interval doubles, so that a long run has no more frames than a short one.
FRAMES_PER_INTERVAL = 400


# What an upstream is sent, and a rehearsal does not need.
NOT_SENT: Mapping[str, Any] = {
    "api_key": None,
    "options": (),
    "credentials": (),
    "extra_headers": (),
    "extra_body": {},
}


@dataclass(frozen=True, slots=True)
class Job:
    """One rehearsal. The first of `specs` is rehearsed, the others are its fallback groups.

    `profiles` are by deployment id, `seed` decides every random draw, `frame_every_s` and `deadline_s` (of one
    request) are on the run's clock. `is_real` sends real requests to the real upstreams, in real time. A run that only
    its result is wanted of need not `keeps_traces`. Requests come to `workers` server processes, with `shared_state` or
    each with its own. `gateway_ms` is the gateway's own time for each request, which its caller waits, too. `called`
    is the name that requests call, and their key; without it they come to the group itself.
    """

    specs: tuple[GroupSpec, ...]
    workload: Workload
    scenario: Scenario
    seed: int
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    frame_every_s: float = DEFAULT_FRAME_S
    deadline_s: float = 600.0
    is_real: bool = False
    keeps_traces: bool = True
    workers: int = 1
    shared_state: bool = False
    gateway_ms: float = 0.0
    called: Called | None = None

    @property
    def spec(self) -> GroupSpec:
        """The group that is rehearsed."""
        return self.specs[0]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without credentials: a rehearsal needs none."""
        return {
            "specs": specs_to_json(self.specs),
            "workload": self.workload.to_json(),
            "scenario": self.scenario.to_json(),
            "profiles": {name: profile.to_json() for name, profile in self.profiles.items()},
            "seed": self.seed,
            "frame_every_s": self.frame_every_s,
            "deadline_s": self.deadline_s,
            "is_real": self.is_real,
            "keeps_traces": self.keeps_traces,
            "workers": self.workers,
            "shared_state": self.shared_state,
            "gateway_ms": self.gateway_ms,
            "called": None if self.called is None else self.called.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """The job that `to_json` described."""
        return cls(
            specs=specs_from_json(data),
            workload=Workload.from_json(data["workload"]),
            scenario=Scenario.from_json(data["scenario"]),
            profiles={name: Profile.from_json(profile) for name, profile in data["profiles"].items()},
            **{name: data[name] for name in ("seed", "frame_every_s", "deadline_s", "is_real")},
            keeps_traces=data.get("keeps_traces", True),
            workers=data.get("workers", 1),
            shared_state=data.get("shared_state", False),
            gateway_ms=data.get("gateway_ms", 0.0),
            called=Called.from_json(data["called"]) if data.get("called") else None,
        )


def specs_to_json(specs: Iterable[GroupSpec]) -> list[dict[str, Any]]:
    """Groups as plain JSON, without credentials."""
    return [_spec_to_json(spec) for spec in specs]


def specs_from_json(data: Mapping[str, Any]) -> tuple[GroupSpec, ...]:
    """Only the groups of a job that `Job.to_json` described."""
    return tuple(_spec_from_json(spec) for spec in data["specs"])


def _spec_to_json(spec: GroupSpec) -> dict[str, Any]:
    without_keys = [replace(row, **NOT_SENT) for row in spec.deployments]
    data = asdict(replace(spec, deployments=tuple(without_keys)))
    for row in data["deployments"]:
        row["dialects"] = sorted(row["dialects"])
    return data


def _spec_from_json(data: Mapping[str, Any]) -> GroupSpec:
    fallback = {name: tuple(groups) for name, groups in data["fallback"].items()}
    parts = {
        "strategy": Strategy(data["strategy"]),
        "router": Router(data["router"]),
        "deployments": tuple(DeploymentSpec(**{**row, **NOT_SENT, **_parts_of(row)}) for row in data["deployments"]),
        "hedge": HedgePolicy(**data["hedge"]) if data.get("hedge") else None,
        "sticky": StickyPolicy(**data["sticky"]) if data.get("sticky") else None,
        "retry": RetryPolicy(**{**data["retry"], "by_error": _error_rules(data["retry"])}),
        "cooldown": CooldownPolicy(**data["cooldown"]),
        "fallback": FallbackPolicy(**fallback),
    }
    return GroupSpec(**{**{f.name: data[f.name] for f in fields(GroupSpec) if f.name in data}, **parts})


def _parts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a deployment that are no plain JSON."""
    return {
        "dialects": frozenset(row.get("dialects", ())),
        "unsupported": Unsupported(row.get("unsupported", Unsupported.DROP)),
        "capacity": Capacity(**row["capacity"]) if row.get("capacity") else None,
    }


def _error_rules(retry: Mapping[str, Any]) -> tuple[ErrorRule, ...]:
    return tuple(ErrorRule(**rule) for rule in retry.get("by_error", ()))
