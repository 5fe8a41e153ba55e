"""A request + the current rows -> the engine's job, and the configuration to store with the run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from django.conf import settings

from access.keys import MASTER
from engine.exceptions import BadInput
from engine.faults.kinds import PriceChange
from engine.faults.needs import workload_for
from engine.faults.scenarios import Scenario, parse_scenario
from engine.rehearsal.called_names import Called
from engine.rehearsal.jobs import DEFAULT_FRAME_S, Job
from engine.rehearsal.workload import Workload
from engine.spec import GroupSpec, Router
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
from tester.calling.called_as import Calling
from tester.calling.keys import calling_key
from tester.calling.mixes import Mix, mix_for
from tester.runs import cost_estimate, replay
from tester.runs.gateway_time import gateway_time
from tester.runs.run_capacities import limited
from tester.runs.seeds import how_many
from tester.runs.speeds import Speeds, speeds_for
from tester.scene import drawings
from usage.health.processes import running_processes

MOST_REQUESTS = 100_000
SEED_BITS = 32  # safe in browsers, whose integers end at 53 bits
ENGINE_INPUT = ("specs", "frame_every_s", "deadline_s", "workers", "shared_state", "gateway_ms", "called")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A requested rehearsal, with the names and meanings of the REST API. None means not given."""

    num_requests: int | None = None
    concurrency: int | None = None
    mock: bool = True
    failure_injection: Mapping[str, Any] | None = None
    seed: int | None = None
    scenario: str | Mapping[str, Any] | None = None
    workload: Mapping[str, Any] | None = None
    max_cost_usd: float | None = None
    router: str | None = None
    workers: int | None = None
    shared_state: bool | None = None
    profiles: Mapping[str, Any] | None = None
    seeds: int | None = None
    gateway_ms: float | None = None


class FailureSource(Protocol):
    """A request with failure rates: for a rehearsal, or a change of one."""

    @property
    def failure_injection(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A checked job for a group at the time of planning, which is rehearsed under so many `seeds`."""

    group: RoutingGroup
    job: Job
    config: dict[str, Any] = field(repr=False)
    seeds: int = 1

    @property
    def name(self) -> str:
        """What is called."""
        return self.group.name if self.job.called is None else self.job.called.name

    @property
    def engine_input(self) -> dict[str, Any]:
        """The parts of the job beyond the configuration, without keys; see `change_planning.py`."""
        return {name: value for name, value in self.job.to_json().items() if name in ENGINE_INPUT}


def plan(
    group: RoutingGroup, asked: RunRequest, *, beside: Sequence[GroupSpec] = (), calling: Calling | None = None
) -> RunPlan:
    """Checks the request and reads all data for it; raises BadInput. Sends and stores nothing.

    `beside`: groups that are compared with it, whose deployments the scenario may name, too. `calling`: the name that
    leads to the group, and the key; without it requests come to the group itself.
    """
    calling = None if calling is None or calling.is_plain else calling
    virtual = None if calling is None else calling.virtual
    specs = routed(specs_with_fallbacks(group) if calling is None else calling.specs(), asked.router)
    asked = replay.resolved(asked, [*specs, *beside], virtual)
    seed = secrets.randbits(SEED_BITS) if asked.seed is None else asked.seed
    scenario = _scenario(asked, [*specs, *beside])
    workload = _workload(asked, scenario)
    mix = mix_for(virtual, workload)
    workload = workload if mix is None else replace(workload, complexity=mix.shares)
    if workload.num_requests > MOST_REQUESTS:
        raise BadInput("workload", f"This is {workload.num_requests:,} requests; the most are {MOST_REQUESTS:,}.")
    speeds = (
        speeds_for(group, asked.profiles, seed=asked.seed, specs=[*specs, *beside])
        if asked.mock
        else _real_speeds(asked)
    )
    specs = limited(specs, speeds.capacities)
    own_time = gateway_time(group, asked.gateway_ms, scenario, seed=asked.seed, is_mock=asked.mock)
    job = Job(
        specs=tuple(specs) if not asked.mock else tuple(without_keys(spec) for spec in specs),
        workload=workload,
        scenario=scenario,
        seed=seed,
        profiles=speeds.profiles,
        frame_every_s=DEFAULT_FRAME_S,
        deadline_s=settings.REQUEST_DEADLINE_S,
        is_real=not asked.mock,
        workers=asked.workers or max(1, running_processes().count()),
        shared_state=bool(settings.REDIS_URL) if asked.shared_state is None else asked.shared_state,
        gateway_ms=own_time.ms,
        called=None if calling is None else _called(calling, mix, specs),
    )
    check_router(job)
    seeds = how_many(asked.seeds, job)
    cost = cost_estimate.Estimate(0.0) if asked.mock else _checked_cost(asked, job)
    config = {
        **_config(asked, job),
        **speeds.to_json(),
        **own_time.to_json(),
        "seeds": seeds,
        "estimated_cost_usd": None if cost.unpriced else cost.usd,
        "group": drawings.to_json(drawings.drawn_group(group) if calling is None else calling.drawn()),
        **({} if calling is None else {"called": _told_of(calling, mix)}),
    }
    return RunPlan(group, job, config, seeds)


def _called(calling: Calling, mix: Mix | None, specs: Sequence[GroupSpec]) -> Called:
    key = None if calling.holder is MASTER else calling_key(calling.holder, specs)
    return Called(calling.asked, calling.virtual, {} if mix is None else mix.shares, key)


def _told_of(calling: Calling, mix: Mix | None) -> dict[str, Any]:
    holder = calling.holder
    key = None if holder.key_id is None else {"id": holder.key_id, "name": holder.key_name, "owner": holder.name}
    told = {"model": calling.asked, "meant": calling.name, "key": key}
    return told if mix is None else {**told, "complexity_from": mix.origin.value}


def routed(specs: Sequence[GroupSpec], router: str | None) -> list[GroupSpec]:
    """The groups, all with the requested router; without one, each with its own."""
    return [spec if router is None else replace(spec, router=Router(router)) for spec in specs]


def _scenario(asked: RunRequest, specs: list[GroupSpec]) -> Scenario:
    if not asked.mock and asked.scenario is not None:
        raise BadInput("scenario", "Real requests meet real conditions. Leave this out, or set mock to true.")
    if not asked.mock and asked.failure_injection is not None:
        raise BadInput("failure_injection", "Failures are injected into mock runs only. Set mock to true.")
    return parse_scenario(asked.scenario, failure_rates=rates_in(asked), spec=specs[0], fallbacks=specs[1:])


def _workload(asked: RunRequest, scenario: Scenario) -> Workload:
    """The requested workload, completed by the scenario's needs; raises BadInput."""
    needs = None if asked.scenario is None else scenario.needs
    return workload_for(needs, asked.workload, num_requests=asked.num_requests, concurrency=asked.concurrency)


def rates_in(asked: FailureSource) -> dict[str, float] | None:
    """The requested failure rates, unchecked; None without any."""
    return None if asked.failure_injection is None else dict(asked.failure_injection["deployment_failure_rates"])


def check_router(job: Job) -> None:
    """What is rehearsed with our own router only; raises BadInput."""
    if not job.is_real and job.spec.router is Router.NATIVE:
        return
    if job.called is not None:
        what = "key" if job.called.virtual is None and job.called.key is not None else "model"
        raise BadInput(what, "What a client calls is rehearsed in mock mode and with our own router only.")
    if job.workload.clients is not None:
        raise BadInput("workload.clients", "They are rehearsed with our own router only. Leave this out.")
    if any(isinstance(aimed.fault, PriceChange) for aimed in job.scenario.faults):
        raise BadInput("scenario", "Changes of prices are rehearsed with our own router only. Leave them out.")


def _real_speeds(asked: RunRequest) -> Speeds:
    if asked.profiles is not None:
        raise BadInput("profiles", "Real requests take the time they take. Leave this out, or set mock to true.")
    return Speeds({})


def _checked_cost(asked: RunRequest, job: Job) -> cost_estimate.Estimate:
    """The estimate of a run with real requests; raises BadInput if it may not start."""
    count = job.workload.num_requests
    if count > settings.REAL_RUN_MAX_REQUESTS:
        most = settings.REAL_RUN_MAX_REQUESTS
        raise BadInput("num_requests", f"With real requests the most are {most} (setting REAL_RUN_MAX_REQUESTS).")
    estimated = cost_estimate.estimate(job)
    cost_estimate.check_within(estimated, count=count, most_usd=asked.max_cost_usd)
    return estimated


def without_keys(spec: GroupSpec) -> GroupSpec:
    """The group without the keys of its deployments."""
    return replace(spec, deployments=tuple(replace(deployment, api_key=None) for deployment in spec.deployments))


def _config(asked: RunRequest, job: Job) -> dict[str, Any]:
    """The interpreted request: sent again with its seed, it gives the same run."""
    workload: Workload = job.workload
    return {
        "num_requests": workload.num_requests,
        "concurrency": workload.concurrency,
        "mock": asked.mock,
        "seed": job.seed,
        "router": job.spec.router.value,
        "workers": job.workers,
        "shared_state": job.shared_state,
        "scenario": job.scenario.to_json(),
        "failure_rates": rates_in(asked) or {},
        "workload": workload.to_json(),
    }
