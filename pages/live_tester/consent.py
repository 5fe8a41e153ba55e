"""What somebody agrees to before real requests are sent."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from engine.jobs import Job
from tester.runs.estimates import Estimate, estimate

NAMED = 5


@dataclass(frozen=True, slots=True)
class Consent:
    """So many requests, to these providers, for about so much; `most` is how many real requests a run may have."""

    count: int
    providers: tuple[str, ...]
    estimate: Estimate
    most: int

    @property
    def unpriced(self) -> str:
        """Why there is no estimate."""
        names = self.estimate.unpriced
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return (
            f"The price of {', '.join(names[:NAMED])}{more} is unknown. Give it one in the catalog to get an estimate."
        )


def consent_for(job: Job) -> Consent:
    """The question that stands before a job with real requests; fallback groups count, they may be reached."""
    providers = dict.fromkeys(d.provider for spec in job.specs for d in spec.deployments)
    return Consent(job.workload.num_requests, tuple(providers), estimate(job), settings.REAL_RUN_MAX_REQUESTS)
