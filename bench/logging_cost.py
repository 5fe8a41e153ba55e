"""What the log costs the gateway: one server, with its log and without by turns; the median of the pairs' ratios.

One server, because two of the same code differ by more than the log costs. Without means that nothing is kept of a
request. As many connections as keep the gateway busy.

The gateway has a processor of its own; load, upstream and the process that writes the log share the others. Where they
may run anywhere, whatever else takes a tenth of a processor costs the gateway some 5 %, were it a senseless loop: that
tells of the machine and not of the log. What the log takes of the other processors is printed beside it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import SIGUSR1 as OFF
from signal import SIGUSR2 as ON

from bench import targets
from bench.gateway import send
from bench.load import Load
from bench.processes import children, confine, own_cpu_s
from bench.targets import KEY, MODEL, Target

# Many short rounds: what else the machine does comes in bursts, and should meet both alike.
ROUNDS, SECONDS, CONNECTIONS, WANTED = 40, 2.0, 16, 0.05
# The last batch of the round before is written by then.
SETTLES_S = 1.0


@dataclass(frozen=True)
class Measured:
    """Requests a second, and microseconds of CPU a request: of the gateway, and of what it has started."""

    speed: float
    gateway_us: float
    writer_us: float

    def __str__(self) -> str:
        return f"{self.speed:.0f}/s, CPU {self.gateway_us:.0f} + {self.writer_us:.0f} us"


Pair = tuple[Measured, Measured]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name, ExitStack() as started:
        folder = Path(name)
        own, others = _processors()
        os.sched_setaffinity(0, others)
        source = started.enter_context(targets.upstream(folder))
        base = f"http://127.0.0.1:{source.port}/v1"
        target = started.enter_context(targets.routing_console(folder, base, app="bench.switched_log:application"))
        send(target, Load(target.port, KEY, MODEL, False, connections=4, seconds=20, requests=500))
        time.sleep(SETTLES_S)  # what writes the log is there by now
        confine(target.pid, own)
        return _report([_pair(target, number % 2 == 0) for number in range(ROUNDS)])


def _processors() -> tuple[set[int], set[int]]:
    """The gateway's own, and the others'."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others or [first])


def _pair(target: Target, is_even: bool) -> Pair:
    """With and without, one after the other, the first by turns."""
    found = {switch: _measured(target, switch) for switch in ((ON, OFF) if is_even else (OFF, ON))}
    print(f"with {found[ON]}; without {found[OFF]}", file=sys.stderr)
    return found[ON], found[OFF]


def _measured(target: Target, switch: int) -> Measured:
    os.kill(target.pid, switch)
    time.sleep(SETTLES_S)
    gateway_s, writer_s = _cpu_s(target)
    result = send(target, Load(target.port, KEY, MODEL, False, CONNECTIONS, SECONDS))
    gateway_after_s, writer_after_s = _cpu_s(target)
    gateway_us = (gateway_after_s - gateway_s) * 1e6 / result.answered
    writer_us = (writer_after_s - writer_s) * 1e6 / result.answered
    return Measured(result.answered / result.seconds, gateway_us, writer_us)


def _cpu_s(target: Target) -> tuple[float, float]:
    return own_cpu_s(target.pid), sum(map(own_cpu_s, children().get(target.pid, ())))


def _report(pairs: list[Pair]) -> int:
    slower = statistics.median(1 - on.speed / off.speed for on, off in pairs)
    gateway_us = statistics.median(on.gateway_us - off.gateway_us for on, off in pairs)
    writer_us = statistics.median(on.writer_us - off.writer_us for on, off in pairs)
    print(f"\nThe log costs {slower:.1%} of the throughput; wanted under {WANTED:.0%}")
    print(f"CPU a request: {gateway_us:.0f} us more in the gateway, {writer_us:.0f} us in the process that writes it")
    print("met" if slower < WANTED else "NOT MET")
    return 0 if slower < WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
