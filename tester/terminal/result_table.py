"""A result as a table for a terminal. Pure: dicts in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.outcomes import success_rate
from engine.rehearsal.ranges import Range
from tester.runs.chance import chance_notes, names_in, range_lines
from tester.runs.result_notes import failure_in_words, notes_on

HEADINGS = ("deployment", "provider", "attempts", "answered", "failed", "share", "avg ms", "errors")
LEFT = {0, 1, 7}
BAR_WIDTH = 30


def table(result: Mapping[str, Any]) -> str:
    """The whole result: totals, then one row for each deployment, then the moves between them."""
    rows = [HEADINGS, *(_row(traffic) for traffic in result["traffic_distribution"]), *_untried(result)]
    return "\n".join([*_totals(result), "", *_aligned(rows), *_flows(result), *_ranges(result), ""])


def bar(done: int, total: int) -> str:
    """A progress bar as one line without a line break."""
    share = min(1.0, done / total) if total else 1.0
    full = round(share * BAR_WIDTH)
    return f"{'█' * full}{'░' * (BAR_WIDTH - full)} {share:4.0%}  {done:,} of {total:,} requests"


def _ranges(result: Mapping[str, Any]) -> list[str]:
    """Median and range of each number over the seeds, and which of them hang on chance."""
    ranges = {name: Range(*found) for name, found in (result.get("ranges") or {}).items()}
    lines = [f"{line.label:<28}  {line.median:>10}  {line.span}" for line in range_lines(ranges, names_in(result))]
    notes = [f"note       {note}" for note in chance_notes(ranges, names_in(result), result.get("seeds_done", 0))]
    return (
        ["", f"over {result['seeds_done']} seeds                  median  from – to", *lines, *notes] if lines else []
    )


def _totals(result: Mapping[str, Any]) -> list[str]:
    seconds = result["virtual_duration_ms"] / 1000
    rate = success_rate(result["successful_requests"], result["failed_requests"])
    share = "" if rate is None else f" ({rate:.2%})"
    return [
        f"requests   {result['total_requests']:,}, answered {result['successful_requests']:,}{share}, "
        f"failed {result['failed_requests']:,}{_refused(result)}",
        *_causes(result),
        *not_struck(result),
        f"fallbacks  {result['fallback_count']:,} requests left their first tier",
        *_skips(result),
        *(f"note       {note}" for note in notes_on(result)),
        f"latency    {_latencies(result)}",
        *_first_tokens(result),
        f"cost       ${result['cost_usd']:.6f}",
        f"duration   {seconds:,.1f} s on the run's clock · seed {result['seed']}",
    ]


def not_struck(result: Mapping[str, Any]) -> list[str]:
    """A sentence for each fault that changed nothing."""
    return [f"no effect  {fault['message']}" for fault in result.get("faults_not_struck") or ()]


def _refused(result: Mapping[str, Any]) -> str:
    refused = result.get("refused_requests", 0)
    told = f", refused {refused:,}" if refused else ""
    if left := result.get("left_requests", 0):
        told += f", left {left:,}"
    if repeats := result.get("repeated_requests", 0):
        told += f"; {repeats:,} of them were asked again"
    return told


def _causes(result: Mapping[str, Any]) -> list[str]:
    causes, untried = result.get("failures_by_cause") or {}, result.get("untried_requests", 0)
    told = [f"{failure_in_words(name)} {count:,}" for name, count in causes.items()]
    told += [f"no deployment was asked for {untried:,}"] if untried else []
    return [f"failures   {' · '.join(told)}"] if told else []


def _latencies(result: Mapping[str, Any]) -> str:
    if not result["successful_requests"]:
        return "–, nothing was answered"
    shares = " · ".join(f"p{p} {result[f'latency_p{p}_ms']:,.0f}" for p in (50, 95, 99))
    return f"avg {result['avg_latency_ms']:,.0f} · {shares} ms"


def _first_tokens(result: Mapping[str, Any]) -> list[str]:
    if result.get("ttft_p50_ms") is None:
        return []
    shares = " · ".join(f"p{p} {result[f'ttft_p{p}_ms']:,.0f}" for p in (50, 95, 99))
    return [f"1st token  {shares} ms"]


def _skips(result: Mapping[str, Any]) -> list[str]:
    names = {row["deployment_id"]: row["deployment_name"] for row in result["traffic_distribution"]}
    return [
        f"skipped    {names.get(key, key)}: "
        + " · ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in reasons.items())
        for key, reasons in (result.get("skipped") or {}).items()
    ]


def _row(traffic: Mapping[str, Any]) -> tuple[str, ...]:
    errors = ", ".join(f"{failure_in_words(name)} {count:,}" for name, count in traffic.get("errors", {}).items())
    return (
        traffic["deployment_name"],
        traffic["provider"],
        f"{traffic['request_count']:,}",
        f"{traffic['success_count']:,}",
        f"{traffic['failure_count']:,}",
        f"{traffic['percent_of_total']:.1f} %",
        f"{traffic['avg_latency_ms']:,.0f}" if traffic["success_count"] else "–",
        errors,
    )


def _untried(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row for the requests without a deployment, so that the table has all of them."""
    untried = result.get("untried_requests", 0)
    return [("none was asked", "", "0", "0", f"{untried:,}", "", "–", "")] if untried else []


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return [
        "  ".join(
            cell.ljust(width) if column in LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _flows(result: Mapping[str, Any]) -> list[str]:
    names = {
        traffic["deployment_id"]: f"{traffic['deployment_name']} ({traffic['provider']})"
        for traffic in result["traffic_distribution"]
    }
    moves = [step for step in result["flow_data"] or () if step["from_deployment"]]
    if not moves:
        return []
    return [
        "",
        *(
            f"{names[step['from_deployment']]} → {names[step['to_deployment']]}: {step['request_count']:,} "
            f"({step['reason'].replace('_', ' ')})"
            for step in moves
        ),
    ]
