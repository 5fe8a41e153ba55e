"""Rows -> text: of one case for a terminal, and the table of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.fidelity.cases import Case
from bench.fidelity.rows import Measured
from bench.fidelity.verdicts import SHARE, Line, are_met

BEGINS, ENDS = "<!-- measured: begin -->", "<!-- measured: end -->"
UNMEASURED = "*Not measured yet: `make fidelity` writes this part.*"
WORDS = {
    "near": "",
    "in range": "in range",
    "overhead": "overhead",
    "off": "**off**",
    "chance": "**hangs on chance**",
}
HEAD = "| number | rehearsed (10 seeds) | live (3 runs) | off by | |\n| --- | --- | --- | --- | --- |"


def text(row: Measured) -> str:
    """For a terminal."""
    lines = [f"\n{row.name} ({row.requests} requests, load {row.load})"]
    for line in row.lines:
        live = " ".join(_value(line, value) for value in line.live)
        span = f"{_value(line, line.rehearsed)} ({_value(line, line.low)} to {_value(line, line.high)})"
        word = line.verdict if line.verdict != "near" else ""
        lines.append(f"  {line.what:18}{span:>26}   live {live:24}{_off(line):>9}  {word}")
    lines += [f"  {errors}" for errors in row.errors[:1] if errors]
    return "\n".join(lines)


def write(page: Path, rows: Sequence[tuple[Case, Measured | None]]) -> None:
    """Writes the measured part of the page, between its markers; the rest stays."""
    before, _, rest = page.read_text().partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    page.write_text(f"{before}{BEGINS}\n\n{measured_part(rows)}\n\n{ENDS}{after}")


def measured_part(rows: Sequence[tuple[Case, Measured | None]]) -> str:
    """The generated part of the page."""
    known = [(case, row) for case, row in rows if row is not None]
    if not known:
        return UNMEASURED
    met = [row for _, row in known if are_met(row.lines)]
    days = sorted({row.at[:10] for _, row in known})
    told = f"Measured {' and '.join(dict.fromkeys((days[0], days[-1])))} on {known[0][1].machine}: "
    told += f"**{len(met)} of {len(rows)} cases are faithful.**"
    if missing := [case.name for case, row in rows if row is None]:
        told += f" Not measured: {', '.join(missing)}."
    parts = [told, *_outside(known), _summary(known), *(_of_case(case, row) for case, row in known)]
    return "\n\n".join(parts)


def _outside(known: Sequence[tuple[Case, Measured]]) -> Iterator[str]:
    """What is not met, with its reason as far as it is known."""
    rows = [
        f"- **{row.name}**: {', '.join(_said(line) for line in row.lines if not line.is_met)}. {case.why}".rstrip()
        for case, row in known
        if not are_met(row.lines)
    ]
    if rows:
        yield "Outside:\n\n" + "\n".join(rows)


def _said(line: Line) -> str:
    live = _value(line, line.middle)
    if line.verdict == "chance":
        return f"{_name(line)} hangs on chance ({_value(line, line.low)} to {_value(line, line.high)}; live {live})"
    return f"{_name(line)} rehearsed {_value(line, line.rehearsed)}, live {live}"


def _summary(known: Sequence[tuple[Case, Measured]]) -> str:
    head = (
        "| case | success | widest share | p50 | p95 | first token p95 | |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *(_summed(row) for _, row in known)])


def _summed(row: Measured) -> str:
    by_name = {line.what: line for line in row.lines}
    shares = [line for line in row.lines if line.what.startswith(SHARE)]
    widest = max(shares, key=lambda line: abs(line.off), default=None)
    cells = [by_name.get("success"), widest, *(by_name.get(name) for name in ("p50", "p95", "first p95"))]
    told = " | ".join("" if line is None else _off(line) for line in cells)
    return f"| {row.name} | {told} | {'met' if are_met(row.lines) else '**outside**'} |"


def _of_case(case: Case, row: Measured) -> str:
    rows = [
        f"| {_name(line)} | {_value(line, line.rehearsed)} ({_value(line, line.low)} to {_value(line, line.high)}) "
        f"| {', '.join(_value(line, value) for value in line.live)} | {_off(line)} | {_word(line)} |"
        for line in row.lines
    ]
    group = f"`{case.strategy}`, {row.requests} requests"
    return "\n".join([f"### {row.name[0].upper()}{row.name[1:]}", "", group, "", HEAD, *rows])


def _word(line: Line) -> str:
    if line.verdict == "overhead":
        return f"overhead {line.noise:.0f} ms"
    return WORDS[line.verdict]


def _name(line: Line) -> str:
    if line.what.startswith(SHARE):
        return f"share of {line.what.removeprefix(SHARE)}"
    return line.what.replace("first ", "first token ")


def _value(line: Line, value: float) -> str:
    return f"{value:,.0f} ms" if line.is_time else f"{100 * value:.1f} %"


def _off(line: Line) -> str:
    return f"{100 * line.off:+z.0f} %" if line.is_time else f"{100 * line.off:+z.1f}"
