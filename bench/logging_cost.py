"""What the log costs the gateway: one server, with its log and without by turns; the median of the pairs' ratios.

One server under one load, because two of the same code differ by more than the log costs, and the machine from one
second to the next. Without means that nothing is kept of a request.

The gateway has a processor of its own; load, upstream and the process that writes the log share the others. Where they
may run anywhere, any other process with a tenth of a processor costs the gateway about 5 %, even an empty loop: that
measures the machine and not the log. What the log takes of the other processors is printed beside it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP as COUNT
from signal import SIGUSR1 as OFF
from signal import SIGUSR2 as ON

from bench import targets
from bench.gateway import send
from bench.load import Load
from bench.processes import confine, descendants, own_cpu_s
from bench.targets import KEY, MODEL, Target
from tests.servers import eventually

PAIRS, SECONDS, CONNECTIONS, WANTED = 100, 0.8, 16, 0.05
# By then what was answered before is written: the log is written twice a second.
SETTLES_S = 0.6


@dataclass(frozen=True)
class Moment:
    """Requests answered so far, when that was, and seconds of CPU so far: the gateway's, and of what it has started."""

    answered: int
    at_s: float
    gateway_s: float
    writer_s: float


@dataclass(frozen=True)
class Measured:
    """Requests a second, and microseconds of CPU a request."""

    speed: float
    gateway_us: float
    writer_us: float

    def __str__(self) -> str:
        return f"{self.speed:.0f}/s, CPU {self.gateway_us:.0f} + {self.writer_us:.0f} us"


Pair = tuple[Measured, Measured]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name, ExitStack() as started:
        folder = Path(name)
        answered = folder / "answered"
        os.environ["BENCH_ANSWERED"] = str(answered)
        own, others = _processors()
        os.sched_setaffinity(0, others)
        source = started.enter_context(targets.upstream(folder))
        base = f"http://127.0.0.1:{source.port}/v1"
        target = started.enter_context(targets.routing_console(folder, base, app="bench.switched_log:application"))
        send(target, Load(target.port, KEY, MODEL, False, connections=4, seconds=20, requests=500))
        if not eventually(lambda: descendants(target.pid), deadline_s=30):
            raise SystemExit("No process has been started to write the log.")
        confine(target.pid, own)
        # It must outlast the pairs: looking takes a little, too.
        load = Load(target.port, KEY, MODEL, False, CONNECTIONS, 2.4 * PAIRS * (SECONDS + SETTLES_S))
        with ThreadPoolExecutor(1) as thread:
            idle = _now(target, answered).answered
            sending = thread.submit(send, target, load)
            if not eventually(lambda: _now(target, answered).answered > idle, deadline_s=30):
                raise SystemExit("The load does not reach the gateway.")
            pairs = [_pair(target, answered, number % 2 == 0) for number in range(PAIRS)]
            sending.result()
        return _report(pairs)


def _processors() -> tuple[set[int], set[int]]:
    """The gateway's own, and the others'."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others or [first])


def _pair(target: Target, answered: Path, is_even: bool) -> Pair:
    """With and without, one after the other, the first by turns."""
    found = {switch: _measured(target, answered, switch) for switch in ((ON, OFF) if is_even else (OFF, ON))}
    print(f"with {found[ON]}; without {found[OFF]}", file=sys.stderr)
    return found[ON], found[OFF]


def _measured(target: Target, answered: Path, switch: int) -> Measured:
    os.kill(target.pid, switch)
    time.sleep(SETTLES_S)
    before = _now(target, answered)
    time.sleep(SECONDS)
    after = _now(target, answered)
    count = after.answered - before.answered
    return Measured(
        count / (after.at_s - before.at_s),
        (after.gateway_s - before.gateway_s) * 1e6 / count,
        (after.writer_s - before.writer_s) * 1e6 / count,
    )


def _now(target: Target, answered: Path) -> Moment:
    answered.unlink(missing_ok=True)
    os.kill(target.pid, COUNT)
    if not (line := eventually(lambda: answered.exists() and answered.read_text(), deadline_s=10)):
        raise SystemExit("The gateway does not say how many requests it has answered.")
    count, at_s = line.split()
    writer_s = sum(map(own_cpu_s, descendants(target.pid)))
    return Moment(int(count), float(at_s), own_cpu_s(target.pid), writer_s)


def _report(pairs: list[Pair]) -> int:
    slower = statistics.median(1 - on.speed / off.speed for on, off in pairs)
    gateway_us = statistics.fmean(on.gateway_us - off.gateway_us for on, off in pairs)
    writer_us = statistics.fmean(on.writer_us - off.writer_us for on, off in pairs)
    print(f"\nThe log costs {slower:.1%} of the throughput; wanted under {WANTED:.0%}")
    print(f"CPU a request: {gateway_us:.0f} us more in the gateway, {writer_us:.0f} us in the process that writes it")
    print("met" if slower < WANTED else "NOT MET")
    return 0 if slower < WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
