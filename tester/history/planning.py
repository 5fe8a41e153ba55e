"""A request + the current rows -> a rehearsal of a period of the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from engine.exceptions import BadInput
from engine.history.incidents import SERVICE_OF_TYPE, Incident, incidents_of, known_incidents, moment_of, shares_of
from engine.history.jobs import HistoryJob
from engine.history.stretches import stretches_of
from engine.spec import GroupSpec, Router
from groups.models import RoutingGroup
from groups.specs import specs_with_fallbacks
from providers.models import Provider
from providers.status_pages.actions import stored_incidents

HOUR = timedelta(hours=1)
LONGEST = timedelta(days=3 * 366)
FIRST_YEAR = 2000
MOST_SIMULATED = 5_000_000
NATIVE = "LiteLLM's Router is too slow for a year: this was rehearsed with our own core."


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """A requested period, with the names and meanings of the REST API. None means not given."""

    year: int | None = None
    from_: str | None = None
    until: str | None = None
    services: Mapping[str, str] | None = None
    impact_shares: Mapping[str, Any] | None = None
    incidents: Sequence[Mapping[str, Any]] | None = None
    seeds: int = 5
    seed: int = 1
    requests_per_hour: int = 60
    input_tokens: int = 500
    output_tokens: int = 100
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """A checked job, and what the answer says of its input."""

    group: RoutingGroup
    job: HistoryJob
    shares: Mapping[str, float]
    without_service: tuple[str, ...]
    notes: tuple[str, ...]
    asked: HistoryRequest

    @property
    def config(self) -> dict[str, Any]:
        """The request as it was understood: sent again, it gives the same answer unless the group has changed."""
        period = {"from": written(self.job.starts), "until": written(self.job.ends)}
        names = ("seeds", "seed", "requests_per_hour", "input_tokens", "output_tokens", "is_stream")
        return {
            **({"year": self.asked.year} if self.asked.year is not None else period),
            "services": {name: self.job.services.get(name, "") for name in self.job.providers},
            "impact_shares": dict(self.shares),
            "incidents": [dict(one) for one in self.asked.incidents or ()],
            **{name: getattr(self.asked, name) for name in names},
        }

    @property
    def told(self) -> dict[str, Any]:
        """What the answer has beside the result."""
        return {
            "services": dict(self.job.services),
            "without_service": list(self.without_service),
            "impact_shares": dict(self.shares),
            "requests_per_hour": self.job.requests_per_hour,
            "notes": list(self.notes),
        }


def plan_history(group: RoutingGroup, asked: HistoryRequest, *, now: datetime) -> HistoryPlan:
    """Checks the request and reads all data for it; raises BadInput."""
    specs = [_without_keys(spec) for spec in specs_with_fallbacks(group)]
    starts, ends = _period(asked, now)
    shares = shares_of(None if asked.impact_shares is None else dict(asked.impact_shares))
    incidents = (*all_known_incidents(), *incidents_of(asked.incidents or (), now=now))
    services = _services(specs, asked.services, incidents)
    _check_known(services, incidents, starts, ends)
    job = HistoryJob(
        specs=tuple(specs),
        starts=starts,
        hours=int((ends - starts) / HOUR),
        services=services,
        stretches={
            name: stretches_of((one for one in incidents if one.service == name), shares, starts=starts, ends=ends)
            for name in sorted(set(services.values()))
        },
        requests_per_hour=asked.requests_per_hour,
        seeds=asked.seeds,
        first_seed=asked.seed,
        input_tokens=asked.input_tokens,
        output_tokens=asked.output_tokens,
        is_stream=asked.is_stream,
        deadline_s=settings.REQUEST_DEADLINE_S,
    )
    _check_size(job)
    without = tuple(name for name in job.providers if name not in services)
    notes = (NATIVE,) if any(spec.router is not Router.NATIVE for spec in specs) else ()
    return HistoryPlan(group, job, shares, without, notes, asked)


def written(moment: datetime) -> str:
    """A whole minute in UTC as the API has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def all_known_incidents() -> tuple[Incident, ...]:
    """Those of our own table, and those of imported status pages; one query."""
    return (*known_incidents(), *stored_incidents())


def _without_keys(spec: GroupSpec) -> GroupSpec:
    return replace(spec, deployments=tuple(replace(row, api_key=None) for row in spec.deployments))


def _period(asked: HistoryRequest, now: datetime) -> tuple[datetime, datetime]:
    """Whole hours; a year that is not over ends now."""
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if asked.year is not None:
        if asked.from_ is not None or asked.until is not None:
            raise BadInput("year", "Give a year, or from and until, not both.")
        return _year(asked.year, this_hour)
    if asked.from_ is None or asked.until is None:
        raise BadInput("year", "Give a year, or from and until.")
    starts = moment_of(asked.from_, "from").replace(minute=0, second=0, microsecond=0)
    until = moment_of(asked.until, "until")
    ends = until.replace(minute=0, second=0, microsecond=0)
    ends = ends if ends == until else ends + HOUR
    if starts.year < FIRST_YEAR:
        raise BadInput("from", f"Nothing is known of the time before {FIRST_YEAR}.")
    if ends <= starts:
        raise BadInput("until", "Give a moment after from.")
    if until > now:
        raise BadInput("until", "This is in the future. Only what has happened can be rehearsed.")
    if ends - starts > LONGEST:
        raise BadInput("until", "Give a period of at most three years.")
    return starts, ends


def _year(year: int, this_hour: datetime) -> tuple[datetime, datetime]:
    if not FIRST_YEAR <= year <= this_hour.year:
        raise BadInput("year", f"Give a year from {FIRST_YEAR} to {this_hour.year}.")
    starts = datetime(year, 1, 1, tzinfo=UTC)
    ends = min(datetime(year + 1, 1, 1, tzinfo=UTC), this_hour)
    if ends <= starts:
        raise BadInput("year", "This year has only just begun.")
    return starts, ends


def _services(
    specs: Sequence[GroupSpec], given: Mapping[str, str] | None, incidents: Iterable[Incident]
) -> dict[str, str]:
    """The service of each provider that has one: the given one, else that of its type. An empty name means none."""
    types = provider_types(specs)
    known = sorted({one.service for one in incidents})
    for provider, service in (given or {}).items():
        if provider not in types:
            names = ", ".join(types) or "none"
            raise BadInput("services", f"'{provider[:64]}' is not a provider of this group. It has: {names}.")
        if service and service not in known:
            raise BadInput("services", f"No incidents are known of '{service[:64]}'. Known: {', '.join(known)}.")
    by_type = {name: SERVICE_OF_TYPE[kind] for name, kind in types.items() if kind in SERVICE_OF_TYPE}
    services = {name: service for name, service in {**by_type, **(given or {})}.items() if service}
    if not services:
        names, of = ", ".join(types) or "none", ", ".join(known)
        why = f"No incidents are known of {names}. Say for at least one of them whose incidents it has: {of}."
        raise BadInput("services", why)
    return services


def provider_types(specs: Iterable[GroupSpec]) -> dict[str, str]:
    """The type of each provider that can answer, by its name. A deployment's own says only how it is called: that of
    anybody with OpenAI's protocol is `openai`, too.
    """
    names = list(dict.fromkeys(row.provider for spec in specs for row in spec.deployments))
    known = dict(Provider.objects.filter(name__in=names).values_list("name", "type"))
    return {name: known.get(name, "") for name in names}


def _check_known(services: Mapping[str, str], incidents: Iterable[Incident], starts: datetime, ends: datetime) -> None:
    """Without any incident the answer would be a praise of our own ignorance."""
    ours = [one for one in incidents if one.service in services.values()]
    if any(one.start < ends and (one.end is None or one.end > starts) for one in ours):
        return
    first, last = min(one.start for one in ours), max(one.end or ends for one in ours)
    names = ", ".join(sorted(set(services.values())))
    why = f"No incidents of {names} are known in this period. Known: {first:%Y-%m-%d} to {last:%Y-%m-%d}."
    raise BadInput("year", why)


def _check_size(job: HistoryJob) -> None:
    if (count := job.simulated_requests) > MOST_SIMULATED:
        why = f"This would simulate {count:,} requests; the most are {MOST_SIMULATED:,}. Give fewer, or fewer seeds."
        raise BadInput("requests_per_hour", why)
