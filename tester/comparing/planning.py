"""A request to compare + the current rows -> the two jobs, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from engine.exceptions import BadInput
from engine.faults.kinds import LimitedCapacity, PriceChange
from engine.rehearsal.jobs import Job
from engine.spec import GroupSpec, Router
from groups.models import RoutingGroup
from groups.specs import specs_of_draft, specs_with_fallbacks
from groups.versions.unsaved import draft_of, revision_of
from tester.run_planning import RunRequest, plan, routed, without_keys
from tester.runs.run_capacities import capacities_in, limited
from tester.runs.seeds import how_many_compared

ROUTER_NAMES = {Router.NATIVE: "Routing Console's own router", Router.LITELLM: "LiteLLM's Router"}
RECORDED = "Both sides get the traffic that was recorded of {}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The other side, by exactly one of these. `draft`: the fields of a group, as `draft_of` takes them."""

    routing_group_id: UUID | None = None
    revision: int | None = None
    draft: Mapping[str, Any] | None = field(default=None, repr=False)
    router: str | None = None


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """The jobs of both sides: one workload, scenario, seed and speed of each deployment. `names` are for people."""

    a: Job
    b: Job
    names: tuple[str, str]
    seeds: int

    @property
    def notes(self) -> list[str]:
        """Whose traffic it is, and what is not the same on both sides although it should be, in sentences."""
        recorded = [RECORDED.format(self.names[0])] if self.a.workload.kind == "recorded" else []
        return recorded + [
            f"{name}: {ROUTER_NAMES[Router.LITELLM]} was rehearsed without {', '.join(missing)}."
            for name, job in zip(self.names, (self.a, self.b), strict=True)
            if (missing := list(_not_simulated(job)))
        ]


def plan_comparison(
    group: RoutingGroup, against: Against, asked: RunRequest, *, seeds: int | None, is_limited: bool = True
) -> ComparisonPlan:
    """Checks the request and reads all data for it; raises BadInput, and ValidationError for a draft's fields.

    It is planned once, for the first side: who compares wants the same traffic on both, also where it was recorded.
    """
    other = _other_side(group, against)
    planned = plan(group, asked, beside=other)
    job, other = planned.job, limited(other, capacities_in(planned.config))
    other = routed(other or job.specs, asked.router if against.router is None else against.router)
    rival = replace(job, specs=tuple(without_keys(spec) for spec in other))
    names = _names(group, against, rival.spec)
    return ComparisonPlan(job, rival, names, how_many_compared(seeds, job, rival, is_limited=is_limited))


def _other_side(group: RoutingGroup, against: Against) -> Sequence[GroupSpec]:
    """The groups of the other side; none for the same ones with another router."""
    if against.routing_group_id is not None:
        other = RoutingGroup.objects.filter(pk=against.routing_group_id).first()
        if other is None:
            raise BadInput("against.routing_group_id", "There is no routing group with this id.")
        return specs_with_fallbacks(other)
    if against.revision is not None:
        return _specs_of_revision(group, against.revision)
    if against.draft is not None:
        return specs_of_draft(*draft_of(group, **against.draft))
    return ()


def _names(group: RoutingGroup, against: Against, rival: GroupSpec) -> tuple[str, str]:
    name = group.name
    if against.routing_group_id is not None:
        return name, rival.name
    if against.revision is not None:
        return f"{name}, revision {group.revision}", f"{name}, revision {against.revision}"
    if against.draft is not None:
        return f"{name}, saved", f"{name}, draft"
    return name, f"{name}, {ROUTER_NAMES[rival.router]}"


def _specs_of_revision(group: RoutingGroup, revision: int) -> list[GroupSpec]:
    if revision == group.revision:
        return specs_with_fallbacks(group)
    try:
        return specs_of_draft(*revision_of(group, revision))
    except ValidationError as error:
        raise BadInput("against.revision", " ".join(error.messages)) from None


def _not_simulated(job: Job) -> Iterator[str]:
    """What rehearsals of LiteLLM's Router leave out, as far as this job has it."""
    if job.spec.router is not Router.LITELLM:
        return
    kinds = [aimed.fault for aimed in job.scenario.faults]
    if any(row.capacity for spec in job.specs for row in spec.deployments) or any(
        isinstance(kind, LimitedCapacity) for kind in kinds
    ):
        yield "the capacities of upstreams"
    if any(isinstance(kind, PriceChange) for kind in kinds):
        yield "changes of prices"
    if job.workload.clients is not None:
        yield "callers that ask again or leave"
    if job.workload.has_conversations:
        yield "conversations and prompt caches"
    if job.workers > 1:
        yield f"the other {job.workers - 1} server process{'es' if job.workers > 2 else ''}"
