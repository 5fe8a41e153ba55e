"""How fast each deployment of a run is, and what it can take: as given, as in an earlier run with its seed, as
measured, or by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import fields
from engine.exceptions import BadInput
from engine.rehearsal.profiles import DEFAULT_PROFILE, Profile, given_profile
from engine.spec import GroupSpec
from groups.models import RoutingGroup
from tester.models import Run
from tester.runs import run_capacities
from tester.runs.run_capacities import KnownCapacity, measured_capacity, of_earlier_run, own_capacities
from usage.health.latency import recent_fits

FIELD = "profiles"
# Of one seed; a profile that none of them has is measured.
RUNS_READ = 20


@dataclass(frozen=True, slots=True)
class Origin:
    """The earlier run with the same seed whose profiles are used; `newer_at` is when the newest answer came that they
    do not count, as ISO 8601."""

    run_id: str
    created_at: datetime
    newer_at: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"run_id": self.run_id, "created_at": self.created_at.isoformat(), "newer_measured_at": self.newer_at}


@dataclass(frozen=True, slots=True)
class Speeds:
    """Profiles and capacities by deployment id, and where those of a seed are from."""

    profiles: Mapping[str, Profile]
    origin: Origin | None = None
    capacities: Mapping[str, KnownCapacity] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The part of a run's configuration."""
        data: dict[str, Any] = {FIELD: {name: profile.to_json() for name, profile in self.profiles.items()}}
        data[run_capacities.FIELD] = {name: known.to_json() for name, known in self.capacities.items()}
        return data if self.origin is None else {**data, "profiles_from": self.origin.to_json()}


def speeds_for(
    group: RoutingGroup, given: Mapping[str, Any] | None, *, seed: int | None, specs: Sequence[GroupSpec]
) -> Speeds:
    """The speed of each deployment that a request can reach; raises BadInput.

    A seed must give the same result again, and with newer measurements it would not: unless they are given, its first
    run decides.
    """
    ids = list(dict.fromkeys(d.deployment_id for spec in specs for d in spec.deployments))
    told, own = read_given(given, ids), own_capacities(specs)
    fits = recent_fits([name for name in ids if name not in told or name not in own])
    measured = {name: fit.profile for name, fit in fits.items() if fit.profile and name not in told}
    seen = {name: measured_capacity(fit.capacity) for name, fit in fits.items()}
    pinned = _of_seed(
        group, seed, [name for name in ids if name not in told], [name for name in ids if name not in own]
    )
    known = measured | pinned.profiles | told
    limits = seen | pinned.capacities | own
    return Speeds(
        {name: known.get(name, DEFAULT_PROFILE) for name in ids},
        pinned.origin_with(measured),
        {name: limits[name] for name in ids},
    )


def read_given(given: Mapping[str, Any] | None, ids: Sequence[str]) -> dict[str, Profile]:
    """The profiles in a request; raises BadInput with the path of what is wrong."""
    if given is None:
        return {}
    for name in fields.as_object(given, FIELD):
        if name not in ids:
            known = f"Give ids of deployments: {', '.join(ids[:20])}."
            raise BadInput(f"{FIELD}.{str(name)[:64]}", f"No deployment that this group can reach. {known}")
    return {name: given_profile(profile, f"{FIELD}.{name}") for name, profile in given.items()}


@dataclass(slots=True)
class _Pinned:
    """What the first runs with a seed did not get from outside, and the first of them that had any."""

    profiles: dict[str, Profile] = field(default_factory=dict)
    capacities: dict[str, KnownCapacity] = field(default_factory=dict)
    first: tuple[Any, datetime] | None = None

    def origin_with(self, measured: Mapping[str, Profile]) -> Origin | None:
        """The first run, beside what is measured now."""
        if self.first is None:
            return None
        return Origin(str(self.first[0]), self.first[1], _newer(self.profiles, measured, self.first[1]))


def _of_seed(group: RoutingGroup, seed: int | None, slow: Sequence[str], limited: Sequence[str]) -> _Pinned:
    """The profiles of some deployments, and the capacities of some."""
    found = _Pinned()
    if seed is None or not (slow or limited):
        return found
    rows = Run.objects.filter(group=group, group_revision=group.revision, seed=seed, is_real=False)
    columns = "pk", "created_at", "config__profiles", "config__capacities"
    for pk, created_at, profiles, stored in (
        rows.order_by("created_at").values_list(*columns)[:RUNS_READ].iterator(chunk_size=1)
    ):
        kept = {name: row for name, row in (profiles or {}).items() if name in slow and row.get("source") != "given"}
        added = {name: Profile.from_json(row) for name, row in kept.items() if name not in found.profiles}
        limits = of_earlier_run(stored, profiles or {})
        more = {name: row for name, row in limits.items() if name in limited and name not in found.capacities}
        found.profiles |= added
        found.capacities |= more
        if added or more:
            found.first = found.first or (pk, created_at)
        if len(found.profiles) == len(slow) and len(found.capacities) == len(limited):
            break
    return found


def _newer(pinned: Mapping[str, Profile], measured: Mapping[str, Profile], since: datetime) -> str | None:
    """When the newest answer came that the profiles of an earlier run do not count."""
    said = (profile.last_measured_at for name, profile in measured.items() if name in pinned)
    newest = max((at for at in said if at), default=None)
    return newest if newest is not None and datetime.fromisoformat(newest) > since else None
