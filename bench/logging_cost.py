"""What the log costs the gateway: the same requests with it and without, in turns; medians of the pairs' ratios.

Without means that `recorder.put` does nothing. Throughput and CPU per request are of the gateway's process, with as
many connections as keep it busy.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import targets
from bench.gateway import send
from bench.load import Load
from bench.processes import cpu_s
from bench.targets import KEY, MODEL, Target

# Many short rounds: what else the machine does comes in bursts, and should meet both alike.
ROUNDS, SECONDS, CONNECTIONS, WANTED = 30, 2.0, 16, 0.05


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name, ExitStack() as started:
        folders = [Path(name) / "with", Path(name) / "without"]
        for folder in folders:
            folder.mkdir()
        source = started.enter_context(targets.upstream(folders[0]))
        base = f"http://127.0.0.1:{source.port}/v1"
        logs = started.enter_context(targets.routing_console(folders[0], base))
        silent = started.enter_context(targets.routing_console(folders[1], base, is_logged=False))
        for target in (logs, silent):
            send(target, Load(target.port, KEY, MODEL, False, connections=4, seconds=20, requests=500))
        return _report([_round(logs, silent, number % 2 == 0) for number in range(ROUNDS)])


def _round(logs: Target, silent: Target, is_even: bool) -> tuple[float, float]:
    """One after the other, the first by turns: how much slower, and how much more CPU, with the log."""
    order = (logs, silent) if is_even else (silent, logs)
    found = {target.port: _measured(target) for target in order}
    (fast, cpu), (bare_fast, bare_cpu) = found[logs.port], found[silent.port]
    print(f"with {fast:.0f}/s {cpu:.3f} ms CPU, without {bare_fast:.0f}/s {bare_cpu:.3f} ms CPU", file=sys.stderr)
    return 1 - fast / bare_fast, cpu / bare_cpu - 1


def _measured(target: Target) -> tuple[float, float]:
    before = cpu_s(target.pid)
    result = send(target, Load(target.port, KEY, MODEL, False, CONNECTIONS, SECONDS))
    return result.answered / result.seconds, (cpu_s(target.pid) - before) * 1000 / result.answered


def _report(rounds: list[tuple[float, float]]) -> int:
    slower, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"\nThe log costs {slower:.1%} of the throughput and {cpu:.1%} more CPU; wanted under {WANTED:.0%}")
    print("met" if slower < WANTED else "NOT MET")
    return 0 if slower < WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
