"""How long the gateway takes for a request of a run: as given, as its scenario says, or as measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine import fields
from engine.exceptions import BadInput
from engine.faults.scenarios import Scenario
from engine.fields import GatewayMs
from groups.models import RoutingGroup
from tester.models import Run
from usage.health.own_time import measured_gateway_ms

FIELD = "gateway_ms"
FROM = "gateway_ms_from"


class TimeFrom(StrEnum):
    """Who says how long it takes; `default` is 0, while too little was recorded."""

    GIVEN = "given"
    SCENARIO = "scenario"
    MEASURED = "measured"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class GatewayTime:
    """Milliseconds, and who says so."""

    ms: float
    origin: TimeFrom

    def to_json(self) -> dict[str, Any]:
        """The part of a run's configuration."""
        return {FIELD: self.ms, FROM: self.origin.value}


def gateway_time(
    group: RoutingGroup, given: float | None, scenario: Scenario, *, seed: int | None, is_mock: bool
) -> GatewayTime:
    """What counts for a run; raises BadInput. As with profiles, the first run with a seed decides what was measured."""
    if not is_mock:
        if given is not None:
            raise BadInput(FIELD, "Real requests take the time they take. Leave this out, or set mock to true.")
        return GatewayTime(0.0, TimeFrom.DEFAULT)
    if given is not None:
        return GatewayTime(float(fields.value_of(GatewayMs, given, FIELD)), TimeFrom.GIVEN)
    if scenario.gateway_ms is not None:
        return GatewayTime(scenario.gateway_ms, TimeFrom.SCENARIO)
    if (pinned := None if seed is None else _of_seed(group, seed)) is not None:
        return GatewayTime(pinned[FIELD], TimeFrom(pinned[FROM]))
    measured = measured_gateway_ms(group.name)
    return GatewayTime(0.0, TimeFrom.DEFAULT) if measured is None else GatewayTime(measured, TimeFrom.MEASURED)


def _of_seed(group: RoutingGroup, seed: int) -> Mapping[str, Any] | None:
    runs = Run.objects.filter(group=group, group_revision=group.revision, seed=seed, is_real=False)
    own = [TimeFrom.MEASURED.value, TimeFrom.DEFAULT.value]
    rows = runs.filter(config__gateway_ms_from__in=own).order_by("created_at")
    first = rows.values_list("config__gateway_ms", "config__gateway_ms_from").first()
    return None if first is None else dict(zip((FIELD, FROM), first, strict=True))
