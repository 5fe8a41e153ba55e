"""The estimated cost of a run with real requests, before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.conf import settings

from engine.exceptions import BadInput
from engine.rehearsal.jobs import Job
from engine.spec import DeploymentSpec
from providers.demo.behaviour import PROVIDERS, path_of

# Every real request asks for one word (`engine/rehearsal.py`). Some models produce reasoning or other text before it.
INPUT_TOKENS, OUTPUT_TOKENS = 20, 50


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost if the most expensive deployment answers every request at the first attempt; `unpriced` are those
    without a price."""

    usd: float
    unpriced: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        return not self.usd and not self.unpriced

    @property
    def limit_usd(self) -> str:
        """The displayed amount, which people send back as their limit."""
        return _rounded_up(self.usd)


def estimate(job: Job) -> Estimate:
    """The cost of a job's requests, without retries. The demo's own upstream costs nothing."""
    deployments = [d for spec in job.specs for d in spec.deployments if not _is_demo(d)]
    costs = [(d, d.cost_usd(input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS)) for d in deployments]
    most_expensive = max((cost for _, cost in costs if cost is not None), default=0.0)
    unpriced = dict.fromkeys(f"{d.provider}/{d.upstream_model}" for d, cost in costs if cost is None)
    return Estimate(most_expensive * job.workload.num_requests, tuple(unpriced))


def check_within(estimated: Estimate, *, count: int, most_usd: float | None) -> None:
    """Raises BadInput, with the estimate in words, if it is above the caller's limit."""
    if most_usd is None or estimated.is_free:
        return
    if estimated.unpriced:
        names = ", ".join(estimated.unpriced[:5])
        raise BadInput("max_cost_usd", f"The price of {names} is unknown, so no limit can be kept. Give it a price.")
    if estimated.usd > most_usd:
        raise BadInput("max_cost_usd", f"About ${_rounded_up(estimated.usd)} for {count} requests, which is more.")


def _rounded_up(usd: float) -> str:
    """Never less than the amount itself, because people send it back as the limit."""
    places = 4 if usd >= 0.001 or not usd else 8
    return f"{math.ceil(usd * 10**places) / 10**places:.{places}f}"


def _is_demo(deployment: DeploymentSpec) -> bool:
    base = deployment.api_base or ""
    return settings.DEMO and any(base.endswith(path_of(demo)) for demo in PROVIDERS.values())
