"""The inputs of golden rehearsals, `scenarios/*.json`: one group, and each strategy, scenario and workload."""

from __future__ import annotations

import json
from pathlib import Path

from engine.faults.scenarios import parse_scenario
from engine.rehearsal.jobs import Job
from engine.rehearsal.profiles import Profile
from engine.rehearsal.workload import parse_workload
from engine.spec import GroupSpec, RetryPolicy, Router, Strategy
from tests.engine.scripted import deployment, group

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.json"))
REGIONS = {"OpenAI": "us-east", "Together": "eu-west"}
DEPLOYMENTS = tuple(
    deployment(name, provider=provider, priority=tier, weight=weight, rpm=rpm, region=REGIONS[provider], **prices)
    for name, provider, tier, weight, rpm, prices in (
        ("gpt-4o", "OpenAI", 1, 70, 90, {"input_cost_per_token_usd": 2.5e-6, "output_cost_per_token_usd": 1e-5}),
        ("gpt-4o-mini", "OpenAI", 2, 20, 90, {"input_cost_per_token_usd": 1.5e-7, "output_cost_per_token_usd": 6e-7}),
        ("llama-70b", "Together", 3, 10, 90, {"input_cost_per_token_usd": 9e-7, "output_cost_per_token_usd": 9e-7}),
    )
)
PROFILES = {
    "gpt-4o": Profile(first_token_ms=450, tokens_per_s=80),
    "gpt-4o-mini": Profile(first_token_ms=350, tokens_per_s=110),
    "llama-70b": Profile(first_token_ms=250, tokens_per_s=60),
}


def job_of(path: Path) -> Job:
    """The job that a file describes."""
    data = json.loads(path.read_text())
    spec = group_of(Strategy(data["strategy"]), Router(data.get("router", "native")))
    return Job(
        specs=(spec,),
        workload=parse_workload(data["workload"], num_requests=data["num_requests"], concurrency=data["concurrency"]),
        scenario=parse_scenario(data["scenario"], failure_rates=data["failure_rates"], spec=spec),
        profiles=PROFILES,
        seed=data["seed"],
    )


def group_of(strategy: Strategy, router: Router = Router.NATIVE) -> GroupSpec:
    """Three deployments in three tiers, two of them at one provider."""
    return group(
        "golden", strategy, deployments=DEPLOYMENTS, retry=RetryPolicy(num_retries=1, timeout_s=20), router=router
    )
