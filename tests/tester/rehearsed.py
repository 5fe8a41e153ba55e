"""Frames of real rehearsals, and the groups they belong to as the diagram draws them."""

from __future__ import annotations

from typing import Any

from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import Workload
from engine.spec import CooldownPolicy, DeploymentSpec, GroupSpec, RetryPolicy, Strategy
from tester.scene import DrawnDeployment, DrawnGroup
from tests.engine.scripted import group
from tests.engine.working import WorkerProcess

PROVIDERS = (
    ("Nebius", "nebius", 149),
    ("Fireworks", "fireworks", 225),
    ("Azure", "azure", 321),
    ("OpenAI", "openai", 198),
    ("Anthropic", "anthropic", 279),
    ("Vertex AI", "google", 230),
    ("Bedrock", "aws", 281),
    ("Groq", "groq", 62),
    ("Mistral", "mistral", 202),
    ("Together", "together", 282),
)
WEIGHTS = {1: (100,), 2: (85, 15), 3: (83, 10, 7), 5: (50, 20, 15, 10, 5), 10: (55, 20, 10, 5, 3, 2, 2, 1, 1, 1)}
FAILING = {"d0": 0.15, "d1": 0.33, "d2": 0.02}
LOAD = Workload(kind="closed", num_requests=336, concurrency=10, input_tokens=300, output_tokens=1)
Frame = dict[str, Any]


def spec_of(count: int, strategy: Strategy, priorities: tuple[int, ...] = ()) -> GroupSpec:
    """A group of that many deployments, each in a tier of its own unless `priorities` say otherwise."""
    tiers = priorities or tuple(range(1, count + 1))
    rows = tuple(
        DeploymentSpec(f"d{n}", name, name, "openai", "m", priority=tiers[n], weight=WEIGHTS[count][n])
        for n, (name, _, _) in enumerate(PROVIDERS[:count])
    )
    return group("prod-chat-eu", strategy, deployments=rows, retry=RetryPolicy(num_retries=0, timeout_s=10))


def drawn(spec: GroupSpec) -> DrawnGroup:
    """The same group as the diagram knows it."""
    return DrawnGroup(spec.name, spec.strategy, tuple(_drawn(row) for row in spec.deployments))


def _drawn(row: DeploymentSpec) -> DrawnDeployment:
    colours = {name: colour for name, colour, _ in PROVIDERS}
    return DrawnDeployment(
        row.deployment_id, row.name, row.provider, colours[row.name], priority=row.priority, weight=row.weight
    )


def job_of(spec: GroupSpec, *, scenario: dict[str, Any] | None = None, failing: dict[str, float] | None = None) -> Job:
    """A rehearsal of 336 requests; failing deployments do not cool down unless a scenario is named."""
    known = {d.deployment_id for d in spec.deployments}
    rates = {name: rate for name, rate in (FAILING if failing is None else failing).items() if name in known}
    profiles = {
        f"d{n}": Profile(first_token_ms=ms, tokens_per_s=1000.0, jitter=0.2) for n, (_, _, ms) in enumerate(PROVIDERS)
    }
    faults = parse_scenario(scenario, failure_rates=None if scenario else rates, spec=spec)
    return Job((spec,), LOAD, faults, 7, profiles, frame_every_s=0.05)


def frames_of(worker: WorkerProcess, spec: GroupSpec, **faults: Any) -> list[Frame]:
    """Every frame of a rehearsal of this group."""
    return worker.frames(job_of(spec, **faults))


def without_cooldown(spec: GroupSpec) -> GroupSpec:
    """The same group without cooldowns."""
    return GroupSpec(spec.group_id, spec.name, spec.strategy, spec.deployments, 1, spec.retry, CooldownPolicy(0.0))
