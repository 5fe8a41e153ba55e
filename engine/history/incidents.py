"""Incidents of services: from the table beside this file, from a request, or from a file like the table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from engine import fields
from engine.exceptions import BadInput
from engine.fields import Share, Text

TABLE = Path(__file__).with_name("incidents.csv")
COLUMNS = ("start_utc", "end_utc", "service", "impact")
NAMES = ("service", "start", "end", "impact")
MOST_INCIDENTS = 20_000
# A first guess: nobody publishes which share of requests an impact means.
IMPACT_SHARES: Mapping[str, float] = {"none": 0.0, "maintenance": 0.0, "minor": 0.1, "major": 0.5, "critical": 1.0}
# By the type of a provider, which is LiteLLM's name of it.
SERVICE_OF_TYPE: Mapping[str, str] = {"openai": "openai-api", "anthropic": "anthropic-api"}


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident of one service, in UTC. Without an `end` it is still open."""

    service: str
    start: datetime
    end: datetime | None
    impact: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as `incident_of` reads it."""
        end = None if self.end is None else self.end.isoformat()
        return {"service": self.service, "start": self.start.isoformat(), "end": end, "impact": self.impact}


@cache
def known_incidents() -> tuple[Incident, ...]:
    """The table of this package."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return tuple(read_incidents(lines, now=None))


def read_incidents(lines: Iterable[str], *, now: datetime | None, path: str = "incidents") -> Iterator[Incident]:
    """Incidents in a CSV file like the table; raises BadInput with the number of the wrong line.

    An empty end means that the incident is still open. `now` refuses what begins later.
    """
    rows = csv.DictReader(lines)
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise BadInput(path, f"line 1: the header must name {', '.join(COLUMNS)}; {missing[0]} is missing.")
    for row in rows:
        data = {name: (row[column] or "").strip() or None for name, column in zip(_READ, COLUMNS, strict=True)}
        try:
            yield incident_of(data, path, now=now)
        except BadInput as error:
            part = error.field.removeprefix(f"{path}.")
            raise BadInput(path, f"line {rows.line_num}: {part}: {error.message}") from None


_READ = ("start", "end", "service", "impact")


def incidents_of(data: object, *, now: datetime, path: str = "incidents") -> tuple[Incident, ...]:
    """The incidents in a request: a list of `{service, start, end?, impact}`; raises BadInput."""
    if not isinstance(data, list | tuple) or len(data) > MOST_INCIDENTS:
        raise BadInput(path, f"Give a list of at most {MOST_INCIDENTS:,} incidents.")
    return tuple(incident_of(one, f"{path}[{n}]", now=now) for n, one in enumerate(data))


def incident_of(data: object, path: str, *, now: datetime | None) -> Incident:
    """One incident; raises BadInput for one that is malformed, ends before it begins, or begins after `now`."""
    given = fields.as_object(data, path)
    fields.refuse_unknown(given, NAMES, path)
    if missing := [name for name in ("service", "start", "impact") if given.get(name) is None]:
        raise BadInput(f"{path}.{missing[0]}", "This is needed.")
    start = moment_of(given["start"], f"{path}.start")
    end = None if given.get("end") is None else moment_of(given["end"], f"{path}.end")
    if end is not None and end <= start:
        raise BadInput(f"{path}.end", "Give a moment after the start, or leave it out while the incident is open.")
    if now is not None and start > now:
        raise BadInput(f"{path}.start", "This is in the future. Only what has happened can be rehearsed.")
    impact = fields.choice(IMPACT_SHARES, given["impact"], f"{path}.impact")
    return Incident(fields.value_of(Text, given["service"], f"{path}.service"), start, end, impact)


def moment_of(value: object, path: str) -> datetime:
    """An ISO date or time as a moment in UTC, which is also what one without a zone means; raises BadInput."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise BadInput(path, "Give a date or a time like 2024-12-11T23:17Z.")
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise BadInput(path, "Give a date or a time like 2024-12-11T23:17Z.") from None


def shares_of(data: object, path: str = "impact_shares") -> dict[str, float]:
    """The share of failing requests by impact: those given, the rest by default; raises BadInput."""
    given = {} if data is None else fields.as_object(data, path)
    fields.refuse_unknown(given, tuple(IMPACT_SHARES), path)
    return {**IMPACT_SHARES, **{name: fields.value_of(Share, value, f"{path}.{name}") for name, value in given.items()}}
