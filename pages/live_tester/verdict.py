"""What a whole run says in a sentence or three, and the small figures beside those of the moment. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.rehearsal.ranges import Range
from engine.spec import Strategy
from lib.typography import THIN
from tester.scene import DrawnGroup, mode_of
from tester.scene.wording import dollars, milliseconds

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kind` is good, warm (only fallbacks kept callers from errors) or bad."""

    kind: str
    headline: str
    story: str
    detail: str


def verdict_of(result: Result | None, group: DrawnGroup) -> Verdict | None:
    """None before a run has a result, and where nothing came to an end."""
    if not result or not result.get("total_requests"):
        return None
    counts = (result["total_requests"], result["failed_requests"], result.get("fallback_count", 0))
    kind, headline = headline_of(*counts)
    story = " ".join(_story(result, group))
    return Verdict(kind, headline, story, " ".join(_detail(result, group)))


def headline_of(total: int, failed: int, moved: int) -> tuple[str, str]:
    """The kind of a verdict and its first sentence, from all requests, the failed ones and those that fell back."""
    if failed == total:
        return "bad", "Every caller got an error."
    if failed:
        return "bad", f"{failed:,} of {total:,} callers got an error."
    if moved * 2 > total:
        return "warm", f"All answered, but {100 * moved / total:.0f}{THIN}% by fallback."
    return "good", "No caller saw an error." if moved else "Healthy: every request was answered."


def _story(result: Result, group: DrawnGroup) -> Iterator[str]:
    """Who was down for how long, and who answered instead."""
    names = {d.deployment_id: d.name for d in group.deployments}
    end_ms = result.get("virtual_duration_ms") or 0.0
    for fault in group.faults:
        if fault.is_down and fault.from_ms < end_ms:
            seconds = (min(fault.until_ms, end_ms) - fault.from_ms) / 1000
            how = "was down" if fault.words == "down" else f"had “{fault.words}”"
            yield f"{names[fault.deployment_id]} {how} for {seconds:,.0f}{THIN}s."
    if moved := result.get("fallback_count", 0):
        yield f"{moved:,} of {result['total_requests']:,} requests fell back{_to(result, group)}."
    if group.strategy is Strategy.WEIGHTED and not result["failed_requests"]:
        yield from _shares(result, group)


def _to(result: Result, group: DrawnGroup) -> str:
    """To whom, if it was one deployment."""
    first = {group.deployments[n].deployment_id for n in next(iter(_tiers(group)), ())}
    rows = [r for r in result["traffic_distribution"] if r["success_count"] and r["deployment_id"] not in first]
    names = {d.deployment_id: d.name for d in group.deployments}
    return f" to {names.get(rows[0]['deployment_id'], rows[0]['deployment_name'])}" if len(rows) == 1 else ""


def _tiers(group: DrawnGroup) -> tuple[tuple[int, ...], ...]:
    return group.tiers(mode_of(group.strategy))


def _shares(result: Result, group: DrawnGroup) -> Iterator[str]:
    rows = {r["deployment_id"]: r["percent_of_total"] for r in result["traffic_distribution"]}
    weights = group.weights()
    pairs = [(rows.get(d.deployment_id, 0.0), weights[n]) for n, d in enumerate(group.deployments)]
    off = max((abs(share - weight) for share, weight in pairs), default=0.0)
    yield f"Shares are within {max(1, round(off))}{THIN}% of the weights you set ({' / '.join(map(str, weights))})."


def _detail(result: Result, group: DrawnGroup) -> Iterator[str]:
    """How many attempts failed where, and how many requests were spared one."""
    names = {d.deployment_id: d.name for d in group.deployments}
    failing = [row for row in result["traffic_distribution"] if row["failure_count"]]
    if failing:
        worst = max(failing, key=lambda row: row["failure_count"])
        name = names.get(worst["deployment_id"], worst["deployment_name"])
        yield f"{worst['failure_count']:,} attempts failed at {name}."
    spared = sum(
        flow["request_count"]
        for flow in result.get("flow_data", ())
        if flow["from_deployment"] is None and flow["reason"] != "primary"
    )
    if spared:
        yield f"{spared:,} requests skipped it while it was cooling."
    if untried := result.get("untried_requests", 0):
        yield f"{untried:,} were rejected at once because all were cooling."


def whole_of(result: Result | None, ranges: Mapping[str, Range] | None, seeds: int) -> dict[str, str]:
    """The figures of the whole run, over its seeds, by the name of their place on the page."""
    if not result or not result.get("total_requests"):
        return dict.fromkeys(PLACES, "")
    total, found = result["total_requests"], ranges or {}
    return {
        "requests": f"{total:,} in the whole run",
        "success": _percent(found.get("success_rate"), seeds),
        "average": f"whole run {milliseconds(result['avg_latency_ms'])}" if result["successful_requests"] else "",
        "p95": _span(found.get("latency_p95_ms"), "p95"),
        "first_token": _span(found.get("ttft_p95_ms"), "whole run"),
        "fallbacks": _span(_times(found.get("fallback_share"), total), "whole run"),
        "cost": _cost(found.get("cost_usd")),
    }


PLACES = ("requests", "success", "average", "p95", "first_token", "fallbacks", "cost")


def _times(found: Range | None, total: int) -> Range | None:
    return None if found is None else Range(*(value * total for value in found))


def _span(found: Range | None, before: str) -> str:
    if found is None:
        return ""
    low, high = f"{found.low:,.0f}", f"{found.high:,.0f}"
    return f"{before} {low}" if low == high else f"{before} {low}–{high}"


def _percent(found: Range | None, seeds: int) -> str:
    if found is None:
        return ""
    low, high = (f"{int(1000 * value + 1e-6) / 10:g}" for value in (found.low, found.high))
    return f"{low}{THIN}% on all {seeds} seeds" if low == high else f"over seeds {low}–{high}{THIN}%"


def _cost(found: Range | None) -> str:
    if found is None:
        return ""
    low, high = dollars(found.low), dollars(found.high)
    return f"whole run {low}" if low == high else f"whole run {low}–{high.removeprefix('$')}"
