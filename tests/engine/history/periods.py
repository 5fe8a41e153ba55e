"""Groups and periods for tests of the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.history.incidents import Incident, known_incidents, shares_of
from engine.history.jobs import HistoryJob
from engine.history.stretches import stretches_of
from engine.spec import DeploymentSpec, GroupSpec, Strategy

WEEK = datetime(2024, 12, 9, tzinfo=UTC)
SERVICES = {"OpenAI": "openai-api", "Anthropic": "anthropic-api"}


def deployment(provider: str, priority: int) -> DeploymentSpec:
    return DeploymentSpec(
        deployment_id=provider,
        name=provider,
        provider=provider,
        provider_type=provider.lower(),
        upstream_model="model",
        api_base="",
        api_key=None,
        priority=priority,
    )


def group_of(*providers: str, name: str = "chat") -> GroupSpec:
    """Tiers in this order."""
    rows = tuple(deployment(provider, number) for number, provider in enumerate(providers, start=1))
    return GroupSpec(group_id=name, name=name, strategy=Strategy.PRIORITY_FAILOVER, deployments=rows)


def period(
    *specs: GroupSpec,
    starts: datetime = WEEK,
    hours: int = 7 * 24,
    incidents: tuple[Incident, ...] | None = None,
    **fields,
) -> HistoryJob:
    """These hours of the table's incidents, or of others."""
    ends = starts + timedelta(hours=hours)
    found = known_incidents() if incidents is None else incidents
    stretches = {
        name: stretches_of((one for one in found if one.service == name), shares_of(None), starts=starts, ends=ends)
        for name in SERVICES.values()
    }
    specs = specs or (group_of("OpenAI", "Anthropic"),)
    return HistoryJob(specs, starts, hours, fields.pop("services", SERVICES), stretches, **{"seeds": 1, **fields})
