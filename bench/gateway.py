"""`make bench NAME=gateway`: what a request costs in our gateway, in others and in a bare pass-through.

The others are LiteLLM's proxy, Portkey's gateway and SMG. Each serves the same fast upstream on loopback, whose streams
are paced alike for all; one process each, taken in turn over several rounds; medians. Ours has keys, ledger and log on;
SMG and Portkey have none of these. CPU is that of the gateway's process alone, memory what it has resident in the end.
Added latency is what one lone connection waits more than without a gateway. The machine may be noisy: read the ratios,
not the absolutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import peers, targets
from bench.load import Load, Result
from bench.processes import cpu_s, descendants
from bench.rehearsal import memory_mb
from bench.targets import KEY, MODEL, Target

# Our CPU per plain request in that of others.
WANTED = {"LiteLLM proxy": 1 / 30, "Portkey": 1 / 3, "SMG": 1.5}
WANTED_MEMORY_MB = 150
NEEDED = ("upstream alone", "LiteLLM proxy", "Routing Console", "bare pass-through")


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
        able = {is_stream: [target for target in running if _is_able(target, is_stream)] for is_stream in (False, True)}
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; {options.connections} connections")
        samples = _measure(able, options)
        memory = {one.name: sum(map(memory_mb, (one.pid, *descendants(one.pid)))) for one in running}
    rows = [_report(samples, able[is_stream], is_stream) for is_stream in (False, True)]
    sys.exit(0 if _verdict(rows[0], memory) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.gateway", description=__doc__)
    parser.add_argument("--litellm", default=".venv-litellm/bin/litellm", help="the executable of LiteLLM's proxy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each throughput phase")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--without-ours", action="store_true", help="only the others")
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
        others = [started.enter_context(start(folder, base)) for start in (peers.portkey, peers.smg)]
        found += [other for other in others if other is not None]
        found.append(started.enter_context(targets.passthrough(folder, base)))
        yield found


def _is_able(target: Target, is_stream: bool) -> bool:
    """Warms it up; a gateway of others that fails is left out, with its own words."""
    result = _sent(_load(target, is_stream, connections=4, seconds=20, requests=200))
    if not result.failed:
        return True
    if target.name in NEEDED:
        sys.exit(f"{target.name}: {result.failed} requests failed.\n{result.first_failure}")
    print(f"left out: {target.name}, {'streams' if is_stream else 'plain'}: {' '.join(result.first_failure.split())}")
    return False


def _measure(able: dict[bool, list[Target]], options: argparse.Namespace) -> dict[tuple[str, bool], list[Sample]]:
    samples: dict[tuple[str, bool], list[Sample]] = {(t.name, mode): [] for mode, ts in able.items() for t in ts}
    for number in range(1, options.rounds + 1):
        print(f"round {number} of {options.rounds} …", file=sys.stderr)
        for is_stream in (False, True):
            for target in able[is_stream]:
                samples[target.name, is_stream].append(_sample(target, is_stream, options))
    return samples


def _sample(target: Target, is_stream: bool, options: argparse.Namespace) -> Sample:
    lone = send(target, _load(target, is_stream, connections=1, seconds=10, requests=100))
    before = cpu_s(target.pid)
    crowd = send(target, _load(target, is_stream, connections=options.connections, seconds=options.seconds))
    cpu_ms = (cpu_s(target.pid) - before) * 1000 / crowd.answered
    return Sample(cpu_ms, crowd.answered / crowd.seconds, lone.p50_ms, lone.p95_ms)


def _load(target: Target, is_stream: bool, **size: Any) -> Load:
    return Load(target.port, KEY, MODEL, is_stream, headers=target.headers, **size)


def send(target: Target, load: Load) -> Result:
    """Sends the load from a process of its own; any failed request ends the benchmark."""
    result = _sent(load)
    if result.failed or not result.answered:
        sys.exit(
            f"{target.name}: {result.failed} of {result.failed + result.answered} requests failed.\n"
            f"{result.first_failure}"
        )
    return result


def _sent(load: Load) -> Result:
    command = [sys.executable, "-m", "bench.load", json.dumps(asdict(load))]
    output = subprocess.run(command, check=True, capture_output=True, timeout=load.seconds + 90).stdout
    return Result(**json.loads(output))


def _report(
    samples: dict[tuple[str, bool], list[Sample]], running: Sequence[Target], is_stream: bool
) -> dict[str, Sample]:
    """Prints one table and gives its rows; ratios are to LiteLLM's proxy."""
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
    return rows


def _verdict(rows: dict[str, Sample], memory: dict[str, float]) -> bool:
    """Whether our gateway is where we want it beside the others."""
    if (ours := rows.get("Routing Console")) is None:
        return True
    print()
    said = [_said(name, wanted, ours.cpu_ms / rows[name].cpu_ms) for name, wanted in WANTED.items() if name in rows]
    print("resident MB:", ", ".join(f"{name} {mb:.0f}" for name, mb in memory.items()), f"(wanted: {WANTED_MEMORY_MB})")
    return all(said) and memory["Routing Console"] <= WANTED_MEMORY_MB


def _said(name: str, wanted: float, found: float) -> bool:
    verdict = "met" if found <= wanted else "MISSED"
    print(f"{verdict}: wanted at most {wanted:.3f} of the CPU per plain request of {name}, found {found:.3f}")
    return found <= wanted


def _median(samples: Sequence[Sample]) -> Sample:
    columns = zip(*((s.cpu_ms, s.per_second, s.p50_ms, s.p95_ms) for s in samples), strict=True)
    return Sample(*(median(column) for column in columns))


if __name__ == "__main__":
    main()
