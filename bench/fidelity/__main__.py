"""`make fidelity`: rehearses all cases, plays them over real sockets, and writes the table of `docs/fidelity.md`.

`--case NAME` runs the cases whose name contains it, `--quick` plays each once. What is done is kept in
`var/fidelity/rows.json` and not done again, unless `--afresh` says so; `--table` only writes the table from there.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.fidelity import table
from bench.fidelity.cases import CASES, Case
from bench.fidelity.performing import batches, perform
from bench.fidelity.rows import Rows
from bench.fidelity.stage import staged
from bench.fidelity.verdicts import are_met

ROOT = Path(__file__).resolve().parents[2]
ROWS, PAGE = ROOT / "var" / "fidelity" / "rows.json", ROOT / "docs" / "fidelity.md"
RUNS, AT_ONCE = 3, 5


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench.fidelity", description=__doc__)
    parser.add_argument("--case", default="", help="only the cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="plays each case once; the page stays as it is")
    parser.add_argument("--afresh", action="store_true", help="forgets what was measured before")
    parser.add_argument("--table", action="store_true", help="only writes the page, from what was measured")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="cases that are played side by side")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that all processes are stopped
    rows, runs = Rows(ROWS if not asked.quick else ROWS.with_name("quick.json")), 1 if asked.quick else RUNS
    wanted = [case for case in CASES if asked.case in case.name]
    left = [] if asked.table else [case for case in wanted if asked.afresh or asked.quick or not rows.has(case, runs)]
    began = time.monotonic()
    if left:
        _measure(left, rows, runs, asked.at_once)
    known = [rows.all[case.slug] for case in wanted if case.slug in rows.all]
    if not asked.quick and not asked.case:
        table.write(PAGE, [(case, rows.all.get(case.slug)) for case in CASES])
    met = sum(are_met(row.lines) for row in known)
    print(f"\n{met} of {len(wanted)} cases are faithful, after {(time.monotonic() - began) / 60:.0f} minutes")
    sys.exit(0 if met == len(wanted) else 1)


def _measure(cases: Sequence[Case], rows: Rows, runs: int, at_once: int) -> None:
    with tempfile.TemporaryDirectory(prefix="rc-fidelity-") as folder, staged(Path(folder)) as stage:
        with stage.processes() as (ours,):
            stage.build_even(ours)
        planned, began = list(batches(cases, at_once)), time.monotonic()
        for number, batch in enumerate(planned, start=1):
            passed = (time.monotonic() - began) / 60
            print(
                f"\n{number} of {len(planned)}, after {passed:.0f} minutes: {', '.join(c.name for c in batch)}",
                flush=True,
            )
            for case, row in perform(stage, batch, runs):
                rows.keep(case, row)
                print(table.text(row), flush=True)


if __name__ == "__main__":
    main()
