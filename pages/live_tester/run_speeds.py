"""A stored run -> how fast its deployments were, what they could take at a time, and where that comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.exceptions import BadInput
from engine.rehearsal.profiles import Profile
from engine.rehearsal.quantiles import typical
from tester.models import Run
from tester.runs.run_capacities import CapacityFrom, capacities_in
from tester.scene import DrawnGroup

SOURCES = {"given": "given", "catalog": "from the catalog", "default": "not measured, a typical model"}


@dataclass(frozen=True, slots=True)
class SpeedLine:
    """One deployment; times in milliseconds, `reads` are tokens of a prompt a second, `takes` what it can at a time."""

    name: str
    source: str
    p50_ms: float
    p95_ms: float
    tokens_per_s: float
    reads: float | None
    takes: str = ""


@dataclass(frozen=True, slots=True)
class RunSpeeds:
    """All of a run; with an earlier run whose profiles it has, and the time of newer measurements, if any.

    `is_limited` where a capacity is measured.
    """

    lines: tuple[SpeedLine, ...]
    from_run: str = ""
    from_at: datetime | None = None
    newer_at: datetime | None = None
    is_limited: bool = False


def speeds_of_run(run: Run, group: DrawnGroup) -> RunSpeeds:
    """None in runs with real requests, and in those of a version that this one can't read."""
    try:
        lines = tuple(_lines(run, group))
    except BadInput:
        return RunSpeeds(())
    origin = run.config.get("profiles_from") or {}
    return RunSpeeds(
        lines,
        origin.get("run_id", ""),
        _moment(origin.get("created_at")),
        _moment(origin.get("newer_measured_at")),
        any(known.source is CapacityFrom.MEASURED for known in capacities_in(run.config).values()),
    )


def _lines(run: Run, group: DrawnGroup) -> Iterator[SpeedLine]:
    names = _names(run) | {row.deployment_id: row.name for row in group.deployments}
    takes = capacities_in(run.config)
    is_stream = (run.config.get("workload") or {}).get("is_stream", False)
    for key, row in (run.config.get("profiles") or {}).items():
        profile = Profile.from_json(row)
        used = profile if is_stream or profile.whole_answers is None else profile.whole_answers
        yield SpeedLine(
            names.get(key, key),
            _source(used, profile),
            used.first_token_quantile_ms(0.5),
            used.first_token_quantile_ms(0.95),
            typical(used.tokens_per_s),
            used.prefill_tokens_per_s,
            str(takes[key]) if key in takes else "",
        )


def _names(run: Run) -> dict[str, str]:
    """Also of the groups that it falls back on."""
    rows: list[dict[str, Any]] = [row for spec in run.engine_input.get("specs", ()) for row in spec["deployments"]]
    return {row["deployment_id"]: row["name"] for row in rows if "name" in row}


def _source(used: Profile, profile: Profile) -> str:
    if profile.source != "measured":
        return SOURCES[profile.source]
    if used.rows is None:
        return "measured"
    answers = "1 answer" if used.rows == 1 else f"{used.rows:,} answers"
    days = list(dict.fromkeys(at[:10] for at in (used.oldest_at, used.newest_at) if at))
    return f"measured: {answers}, {' to '.join(days)}" if days else f"measured: {answers}"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
