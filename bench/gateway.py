"""`make bench NAME=gateway`: what a request costs in our gateway, in LiteLLM's proxy and in a bare pass-through.

Each serves the same fast upstream on loopback, one process each, taken in turn over several rounds; medians.
CPU is that of the gateway's process alone. Added latency is what one lone connection waits more than without
a gateway. The machine may be noisy: read the ratios, not the absolutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench import targets
from bench.load import Load, Result
from bench.processes import cpu_s
from bench.targets import KEY, MODEL, Target

WANTED = 1 / 4


@dataclass(frozen=True)
class Sample:
    """One round of one target: CPU per request and latency in ms, throughput in requests per second."""

    cpu_ms: float
    per_second: float
    p50_ms: float
    p95_ms: float


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name, _targets(options, Path(name)) as running:
        for is_stream in (False, True):
            for target in running:
                send(target, Load(target.port, KEY, MODEL, is_stream, connections=4, seconds=20, requests=200))
        samples = _measure(running, options)
    is_good = [_report(samples, running, is_stream) for is_stream in (False, True)]
    sys.exit(0 if all(is_good) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.gateway", description=__doc__)
    parser.add_argument("--litellm", default=".venv-litellm/bin/litellm", help="the executable of LiteLLM's proxy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each throughput phase")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--without-ours", action="store_true", help="only the proxy and the pass-through")
    return parser.parse_args()


@contextmanager
def _targets(options: argparse.Namespace, folder: Path) -> Iterator[list[Target]]:
    """Everything running: the upstream first, then what stands before it."""
    with ExitStack() as started:
        source = started.enter_context(targets.upstream(folder))
        base = f"http://127.0.0.1:{source.port}/v1"
        found = [source, started.enter_context(targets.litellm_proxy(folder, base, options.litellm))]
        if not options.without_ours:
            found.append(started.enter_context(targets.routing_console(folder, base)))
        found.append(started.enter_context(targets.passthrough(folder, base)))
        yield found


def _measure(running: Sequence[Target], options: argparse.Namespace) -> dict[tuple[str, bool], list[Sample]]:
    samples: dict[tuple[str, bool], list[Sample]] = {(t.name, mode): [] for t in running for mode in (False, True)}
    for number in range(1, options.rounds + 1):
        print(f"round {number} of {options.rounds} …", file=sys.stderr)
        for is_stream in (False, True):
            for target in running:
                samples[target.name, is_stream].append(_sample(target, is_stream, options))
    return samples


def _sample(target: Target, is_stream: bool, options: argparse.Namespace) -> Sample:
    lone = send(target, Load(target.port, KEY, MODEL, is_stream, connections=1, seconds=10, requests=100))
    # A stream mostly waits, so that more of them are needed to keep a gateway busy.
    connections = options.connections * (4 if is_stream else 1)
    before = cpu_s(target.pid)
    load = Load(target.port, KEY, MODEL, is_stream, connections, options.seconds)
    crowd = send(target, load)
    cpu_ms = (cpu_s(target.pid) - before) * 1000 / crowd.answered
    return Sample(cpu_ms, crowd.answered / crowd.seconds, lone.p50_ms, lone.p95_ms)


def send(target: Target, load: Load) -> Result:
    """Sends the load from a process of its own; any failed request ends the benchmark."""
    command = [sys.executable, "-m", "bench.load", json.dumps(asdict(load))]
    output = subprocess.run(command, check=True, capture_output=True, timeout=load.seconds + 60).stdout
    result = Result(**json.loads(output))
    if result.failed or not result.answered:
        sys.exit(
            f"{target.name}: {result.failed} of {result.failed + result.answered} requests failed.\n"
            f"{result.first_failure}"
        )
    return result


def _report(samples: dict[tuple[str, bool], list[Sample]], running: Sequence[Target], is_stream: bool) -> bool:
    """Prints one table; whether our gateway costs no more than a quarter of the proxy."""
    rows = {target.name: _median(samples[target.name, is_stream]) for target in running}
    source, proxy = rows.pop("upstream alone"), rows["LiteLLM proxy"]
    print(
        f"\n{'streaming, 20 chunks' if is_stream else 'plain':22}{'CPU ms/request':>16}{'ratio':>8}"
        f"{'requests/s':>12}{'ratio':>8}{'added ms p50':>14}{'p95':>8}"
    )
    for name, row in rows.items():
        added = f"{row.p50_ms - source.p50_ms:14.2f}{row.p95_ms - source.p95_ms:8.2f}"
        print(
            f"{name:22}{row.cpu_ms:16.3f}{row.cpu_ms / proxy.cpu_ms:8.3f}"
            f"{row.per_second:12.0f}{row.per_second / proxy.per_second:8.1f}{added}"
        )
    ours = rows.get("Routing Console")
    if ours is None:
        return True
    is_good = ours.cpu_ms <= proxy.cpu_ms * WANTED
    print(
        f"{'met' if is_good else 'MISSED'}: wanted at most 1/4 of the proxy's CPU per request,"
        f" found 1/{proxy.cpu_ms / ours.cpu_ms:.1f}"
    )
    return is_good


def _median(samples: Sequence[Sample]) -> Sample:
    columns = zip(*((s.cpu_ms, s.per_second, s.p50_ms, s.p95_ms) for s in samples), strict=True)
    return Sample(*(median(column) for column in columns))


if __name__ == "__main__":
    main()
