"""What a run with real requests will cost, said before it starts."""

from __future__ import annotations

import random
from dataclasses import dataclass

from django.conf import settings

from engine.exceptions import BadInput
from engine.jobs import Job
from engine.spec import DeploymentSpec
from providers.demo_settings import PROVIDERS, path_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost if the dearest deployment answers everything at once; `unpriced` are those without a price."""

    usd: float
    unpriced: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        return not self.usd and not self.unpriced


def estimate(job: Job) -> Estimate:
    """The cost of a job's requests, without retries. The demo's own upstream costs nothing, whatever it says."""
    # The very draws the engine will make.
    rng = random.Random(f"{job.seed}:workload")  # noqa: S311
    arrivals = list(job.workload.schedule(rng))
    tokens = {
        "input_tokens": sum(arrival.input_tokens for arrival in arrivals),
        "output_tokens": sum(arrival.output_tokens for arrival in arrivals),
    }
    deployments = [d for spec in job.specs for d in spec.deployments if not _is_demo(d)]
    costs = {d.name: d.cost_usd(**tokens) for d in deployments}
    return Estimate(
        usd=max((cost for cost in costs.values() if cost is not None), default=0.0),
        unpriced=tuple(name for name, cost in costs.items() if cost is None),
    )


def check_confirmed(estimated: Estimate, *, count: int, confirmed_usd: float | None) -> None:
    """Raises BadInput, with the estimate in words, unless it is nothing or the caller has agreed to it."""
    if estimated.is_free or (confirmed_usd is not None and confirmed_usd >= estimated.usd):
        return
    said = f"About ${_rounded_up(estimated.usd)} for {count} requests."
    if estimated.unpriced:
        names = ", ".join(estimated.unpriced[:5])
        said = f"The price of {names} is unknown, so this is without it: a" + said[1:]
    raise BadInput("confirm_cost_usd", f"{said} Send confirm_cost_usd of at least that to go on.")


def _rounded_up(usd: float) -> str:
    """At least four decimals, and never less than the amount itself: it is what people send back."""
    if not usd:
        return "0"
    return f"{usd + 0.00005:.4f}" if usd >= 0.0001 else f"{usd * 1.01:.3g}"


def _is_demo(deployment: DeploymentSpec) -> bool:
    base = deployment.api_base or ""
    return settings.DEMO and any(base.endswith(path_of(demo)) for demo in PROVIDERS.values())
