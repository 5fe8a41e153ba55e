"""How fast each deployment of a run is: as given, as in an earlier run with its seed, as measured, or by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine import fields
from engine.exceptions import BadInput
from engine.rehearsal.profiles import DEFAULT_PROFILE, Profile, given_profile
from engine.spec import GroupSpec
from groups.models import RoutingGroup
from tester.models import Run
from usage.health.latency import recent_profiles

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
    """Profiles by deployment id, and where those of a seed are from."""

    profiles: Mapping[str, Profile]
    origin: Origin | None = None

    def to_json(self) -> dict[str, Any]:
        """The part of a run's configuration."""
        data: dict[str, Any] = {FIELD: {name: profile.to_json() for name, profile in self.profiles.items()}}
        return data if self.origin is None else {**data, "profiles_from": self.origin.to_json()}


def speeds_for(
    group: RoutingGroup, given: Mapping[str, Any] | None, *, seed: int | None, specs: Sequence[GroupSpec]
) -> Speeds:
    """The speed of each deployment that a request can reach; raises BadInput.

    A seed must give the same result again, and with newer measurements it would not: unless they are given, its first
    run decides.
    """
    ids = list(dict.fromkeys(d.deployment_id for spec in specs for d in spec.deployments))
    told = read_given(given, ids)
    left = [name for name in ids if name not in told]
    measured = recent_profiles(left) if left else {}
    pinned, origin = _of_seed(group, seed, left, measured)
    known = measured | pinned | told
    return Speeds({name: known.get(name, DEFAULT_PROFILE) for name in ids}, origin)


def read_given(given: Mapping[str, Any] | None, ids: Sequence[str]) -> dict[str, Profile]:
    """The profiles in a request; raises BadInput with the path of what is wrong."""
    if given is None:
        return {}
    for name in fields.as_object(given, FIELD):
        if name not in ids:
            known = f"Give ids of deployments: {', '.join(ids[:20])}."
            raise BadInput(f"{FIELD}.{str(name)[:64]}", f"No deployment that this group can reach. {known}")
    return {name: given_profile(profile, f"{FIELD}.{name}") for name, profile in given.items()}


def _of_seed(
    group: RoutingGroup, seed: int | None, ids: Sequence[str], measured: Mapping[str, Profile]
) -> tuple[dict[str, Profile], Origin | None]:
    """Those that the first runs with this seed did not get from outside."""
    if seed is None or not ids:
        return {}, None
    rows = Run.objects.filter(group=group, group_revision=group.revision, seed=seed, is_real=False)
    found: dict[str, Profile] = {}
    first: tuple[Any, datetime] | None = None
    stored = rows.order_by("created_at").values_list("pk", "created_at", "config__profiles")[:RUNS_READ]
    for pk, created_at, profiles in stored.iterator(chunk_size=1):
        kept = {name: row for name, row in (profiles or {}).items() if name in ids and row.get("source") != "given"}
        if added := {name: Profile.from_json(row) for name, row in kept.items() if name not in found}:
            found |= added
            first = first or (pk, created_at)
        if len(found) == len(ids):
            break
    return found, first and Origin(str(first[0]), first[1], _newer(found, measured, first[1]))


def _newer(pinned: Mapping[str, Profile], measured: Mapping[str, Profile], since: datetime) -> str | None:
    """When the newest answer came that the profiles of an earlier run do not count."""
    said = (profile.last_measured_at for name, profile in measured.items() if name in pinned)
    newest = max((at for at in said if at), default=None)
    return newest if newest is not None and datetime.fromisoformat(newest) > since else None
