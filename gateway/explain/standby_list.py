"""The standbys of a logged request: candidates after the one that answered."""

from __future__ import annotations

from typing import Any

from engine.skips import standbys
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
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
    return [skip.to_json() for skip in standbys(specs, told)]
