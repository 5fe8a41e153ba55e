"""The standbys of a logged request: candidates after the one that answered."""

from __future__ import annotations

from typing import Any

from engine.skips import standbys
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
from usage.health.standby_proofs import standby_states
from usage.health.standby_rules import StandbyState
from usage.models import RequestRecord


def standbys_then(record: RequestRecord) -> list[dict[str, Any]]:
    """The other candidates, by the current groups; empty if one was changed since."""
    group = RoutingGroup.objects.filter(name=record.model_group).first()
    if group is None:
        return []
    specs = specs_with_fallbacks(group)
    names = [spec.name for spec in specs]
    if RoutingGroup.objects.filter(name__in=names, updated_at__gt=record.started_at).exists():
        return []
    told = {(step.get("model_group"), step["deployment_id"]) for step in [*record.attempts, *record.skipped]}
    found = [skip.to_json() for skip in standbys(specs, told)]
    proofs = standby_states(one["deployment_id"] for one in found) if found else {}
    return [{**one, **_proof(proofs.get(one["deployment_id"]))} for one in found]


def _proof(state: StandbyState | None) -> dict[str, str]:
    """What is known now; unknown values are left out."""
    if state is None:
        return {}
    known = {"proven_at": state.proven_at, "failing_since": state.failing_since}
    return {name: moment.isoformat() for name, moment in known.items() if moment is not None}
