"""What the log costs the gateway: one server, with its log and without by turns; the median of the pairs' ratios.

One server, because two of the same code differ by more than the log costs. Without means that `Recorder.put` does
nothing. Throughput and CPU per request are of the gateway's process, with as many connections as keep it busy.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from signal import SIGUSR1 as OFF
from signal import SIGUSR2 as ON

from bench import targets
from bench.gateway import send
from bench.load import Load
from bench.processes import cpu_s
from bench.targets import KEY, MODEL, Target

# Many short rounds: what else the machine does comes in bursts, and should meet both alike.
ROUNDS, SECONDS, CONNECTIONS, WANTED = 30, 2.0, 16, 0.05
# The last batch of the round before is written by then.
SETTLES_S = 1.0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name, ExitStack() as started:
        folder = Path(name)
        source = started.enter_context(targets.upstream(folder))
        base = f"http://127.0.0.1:{source.port}/v1"
        target = started.enter_context(targets.routing_console(folder, base, app="bench.switched_log:application"))
        send(target, Load(target.port, KEY, MODEL, False, connections=4, seconds=20, requests=500))
        return _report([_round(target, number % 2 == 0) for number in range(ROUNDS)])


def _round(target: Target, is_even: bool) -> tuple[float, float]:
    """One after the other, the first by turns: how much slower, and how much more CPU, with the log."""
    order = (ON, OFF) if is_even else (OFF, ON)
    found = {switch: _measured(target, switch) for switch in order}
    (fast, cpu), (bare_fast, bare_cpu) = found[ON], found[OFF]
    print(f"with {fast:.0f}/s {cpu:.3f} ms CPU, without {bare_fast:.0f}/s {bare_cpu:.3f} ms CPU", file=sys.stderr)
    return 1 - fast / bare_fast, cpu / bare_cpu - 1


def _measured(target: Target, switch: int) -> tuple[float, float]:
    os.kill(target.pid, switch)
    time.sleep(SETTLES_S)
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
