"""A request to rehearse recorded traffic -> the same with its arrivals, and with its failures as faults over time.

They are read once, when the run is planned: the stored run is repeated from its own data, also after the log is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from engine import fields
from engine.exceptions import BadInput
from engine.faults.recorded import recorded_faults
from engine.faults.scenarios import HEALTHY, MOST_FAULTS, read_scenario
from engine.faults.targets import TargetedFault, targets
from engine.fields import WEEK_S
from engine.rehearsal.arrivals import Arrival
from engine.rehearsal.recorded_traffic import (
    RecordedRequest,
    arrivals_of,
    is_json_lines,
    read_json_lines,
    that_came_to_routing,
    told,
)
from engine.spec import GroupSpec
from engine.virtual import VirtualSpec
from usage.request_log.traffic_periods import MOST_REQUESTS, TrafficPeriod, requests_in

if TYPE_CHECKING:
    from tester.run_planning import RunRequest

RECORDED = "recorded"
NAME = "recorded-failures"
MOMENT = "Give a moment such as 2030-01-31T14:30:00Z."
MICROSECOND = timedelta(microseconds=1)
FIELDS = (
    *("kind", "from", "until", "with_failures", "trace", "speed_up", "num_requests", "conversations", "clients"),
    "complexity",
)


@dataclass(frozen=True, slots=True)
class RecordedTraffic:
    """The traffic of a period: what a rehearsal repeats of it, oldest first, and how many were left out because they
    had been refused before anybody was asked."""

    requests: Sequence[RecordedRequest]
    refused: int = 0

    @property
    def began(self) -> datetime:
        """Second 0 of its rehearsal."""
        return self.requests[0].at

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """What comes when."""
        return self.arrivals_at(None)

    def arrivals_at(self, virtual: VirtualSpec | None) -> tuple[Arrival, ...]:
        """The same, each with its tier of a virtual model by its recorded score, if both are there."""
        if virtual is None:
            return arrivals_of(self.requests)
        return arrivals_of(self.requests, lambda score: virtual.tier_for(score).name)

    def faults(self, specs: Sequence[GroupSpec], *, most: int = MOST_FAULTS) -> tuple[TargetedFault, ...]:
        """What failed, at the deployments that these groups still have."""
        known = targets("*", specs)
        attempts = (row for one in self.requests for row in one.attempts if row.deployment_id in known)
        span_s = (self.requests[-1].at - self.began).total_seconds()
        return recorded_faults(attempts, began=self.began, span_s=span_s, most=most)


def recorded_in(period: TrafficPeriod) -> RecordedTraffic:
    """The traffic of a group in the log; raises BadInput if there is none, or too much."""
    if (period.until - period.since).total_seconds() > WEEK_S:
        raise BadInput("workload.until", "Give at most 7 days.")
    count = period.count()
    if count > MOST_REQUESTS:
        why = f"More than {MOST_REQUESTS:,} requests were recorded in this period. Give a shorter one."
        raise BadInput("workload.until", why)
    requests = list(that_came_to_routing(requests_in(period)))
    if not requests:
        when = f"from {period.since:%Y-%m-%d %H:%M:%S} to {period.until:%Y-%m-%d %H:%M:%S} UTC"
        raise BadInput("workload.from", f"No request to '{period.virtual or period.group}' was recorded {when}.")
    return RecordedTraffic(requests, count - len(requests))


def resolved(asked: RunRequest, specs: Sequence[GroupSpec], virtual: VirtualSpec | None = None) -> RunRequest:
    """The request with the arrivals of the recorded traffic that it names; any other one as it is. Raises BadInput.

    The first of the groups is the one whose traffic it is, unless that of a virtual model is meant; failures are those
    of all their deployments.
    """
    workload = asked.workload
    if not isinstance(workload, Mapping) or workload.get("kind") != RECORDED or "arrivals" in workload:
        return asked
    fields.refuse_unknown(workload, FIELDS, "workload")
    with_failures = fields.value_of(bool, workload.get("with_failures", False), "workload.with_failures")
    if with_failures and not asked.mock:
        raise BadInput("workload.with_failures", "Failures are injected into mock runs only. Set mock to true.")
    traffic = _read(workload, specs[0].name, "" if virtual is None else virtual.name)
    rest = {name: value for name, value in workload.items() if name != "trace"}
    rest.setdefault("from", told(traffic.began))
    rest.setdefault("until", told(traffic.requests[-1].at + MICROSECOND))
    rows: list[list[Any]] = [list(arrival) for arrival in traffic.arrivals_at(virtual)]
    asked = replace(asked, workload={**rest, "arrivals": rows})
    return replace(asked, scenario=_scenario(asked, traffic, specs)) if with_failures else asked


def _read(workload: Mapping[str, Any], group: str, virtual: str) -> RecordedTraffic:
    """From the given file, else from the log."""
    if (text := workload.get("trace")) is None:
        since, until = (_moment(workload, name) for name in ("from", "until"))
        if since >= until:
            raise BadInput("workload.until", "Give a moment after from.")
        return recorded_in(TrafficPeriod(group, since, until, virtual))
    if not isinstance(text, str) or not is_json_lines(text):
        raise BadInput("workload.trace", "Give the JSON lines of recorded traffic; a CSV file is of the kind trace.")
    try:
        return RecordedTraffic(read_json_lines(text.splitlines()))
    except BadInput as error:
        raise BadInput("workload.trace", error.message) from None


def _moment(workload: Mapping[str, Any], name: str) -> datetime:
    if name not in workload:
        raise BadInput(f"workload.{name}", f"This is needed for a recorded workload. {MOMENT}")
    text = workload[name]
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(f"workload.{name}", MOMENT) from None


def _scenario(asked: RunRequest, traffic: RecordedTraffic, specs: Sequence[GroupSpec]) -> Any:
    """The requested scenario with the recorded failures in it."""
    own = HEALTHY if asked.scenario is None else read_scenario(asked.scenario, specs)
    faults = traffic.faults(specs, most=MOST_FAULTS - len(own.faults))
    if not faults:
        return asked.scenario
    described = {"name": NAME, "description": _description(traffic)} if own.name == HEALTHY.name else {}
    told_by_own = {name: value for name, value in own.to_json().items() if name != "needs"}
    return {**told_by_own, **described, "faults": [fault.to_json() for fault in (*faults, *own.faults)]}


def _description(traffic: RecordedTraffic) -> str:
    return f"What failed in the recorded traffic; second 0 is {traffic.began:%Y-%m-%d %H:%M:%S} UTC."
