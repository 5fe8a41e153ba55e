"""How long the gateway itself takes for a request, as the log has it: all but the time of the upstream."""

from __future__ import annotations

from statistics import median

from engine.outcomes import Outcome
from usage.models import RequestRecord

# Of one group; from fewer, one odd request would decide.
NEWEST, FEWEST = 200, 20


def measured_gateway_ms(group: str) -> float | None:
    """The median over the newest requests that the first deployment has answered; None while there are too few."""
    rows = RequestRecord.objects.filter(model_group=group, outcome=Outcome.ANSWERED).order_by("-started_at")
    times = [
        max(0.0, duration_ms - attempts[0]["duration_ms"])
        for duration_ms, attempts in rows.values_list("duration_ms", "attempts")[:NEWEST]
        if len(attempts) == 1 and attempts[0].get("duration_ms")
    ]
    return round(median(times), 3) if len(times) >= FEWEST else None
