"""`make bench NAME=pairs`: what a request costs the gateway, by the client's dialect and the upstream's.

One gateway with keys, ledger and log on, before one fast upstream of every dialect; all nine pairs, plain and streamed
(20 writes, 1 ms apart), over several rounds, in another order in each: the log is written beside whichever is next.
Each ratio is that of one round, to chat -> chat of the same round; the medians are printed. The machine may be noisy:
read the ratios, not the absolutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median

from bench import targets
from bench.gateway import send
from bench.load import Load
from bench.processes import cpu_s
from bench.targets import KEY, Target

# The doors by the dialect that is spoken at them.
DOORS = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}
Pair = tuple[str, str]
PAIRS: tuple[Pair, ...] = tuple((client, upstream) for client in DOORS for upstream in DOORS)
UNIT: Pair = ("chat", "chat")
MOST_SECONDS = 60.0
# CPU per request in that of chat -> chat.
WANTED_IDENTITY, WANTED_TRANSLATED = 1.05, 2.0
Costs = Mapping[Pair, list[float]]


def main() -> None:
    options = _options()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors; {options.connections} connections")
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name, _gateway(Path(name)) as target:
        costs = _measured(target, options)
    verdicts = [_report(costs[is_stream], is_stream=is_stream) for is_stream in costs]
    sys.exit(0 if all(verdicts) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.pairs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=1000, help="of each pair in a round; CPU is counted in 10 ms")
    parser.add_argument("--connections", type=int, default=16)
    return parser.parse_args()


@contextmanager
def _gateway(folder: Path) -> Iterator[Target]:
    """A group for each dialect of an upstream, under its name."""
    with targets.upstream(folder) as source:
        base = f"http://127.0.0.1:{source.port}/v1"
        with targets.routing_console(folder, base) as target:
            for dialect in DOORS:
                targets.add_group(target.port, base, dialect, dialects=[dialect])
            yield target


def _measured(target: Target, options: argparse.Namespace) -> dict[bool, Costs]:
    """CPU ms per request of each round, by whether it is a stream; the first round only warms up."""
    costs: dict[bool, dict[Pair, list[float]]] = {mode: {pair: [] for pair in PAIRS} for mode in (False, True)}
    for number in range(options.rounds + 1):
        print(f"round {number} of {options.rounds} …", file=sys.stderr)
        turns = [(is_stream, pair) for is_stream in costs for pair in PAIRS]
        for is_stream, pair in Random(number).sample(turns, len(turns)):
            costs[is_stream][pair].append(_cost_ms(target, pair, is_stream, options))
    return {mode: {pair: row[1:] for pair, row in rows.items()} for mode, rows in costs.items()}


def _cost_ms(target: Target, pair: Pair, is_stream: bool, options: argparse.Namespace) -> float:
    client, upstream = pair
    before = cpu_s(target.pid)
    size = {"connections": options.connections, "requests": options.requests, "seconds": MOST_SECONDS}
    load = Load(target.port, KEY, upstream, is_stream, endpoint=DOORS[client], **size)
    answered = send(target, load).answered
    return (cpu_s(target.pid) - before) * 1000 / answered


def _report(costs: Costs, *, is_stream: bool) -> bool:
    """Prints one table; whether each pair is where we want it."""
    print(f"\n{'streamed, 20 writes' if is_stream else 'plain':26}{'CPU ms/request':>16}{'ratio':>8}{'wanted':>8}")
    verdicts = []
    for pair, row in costs.items():
        ratio = median(one / unit for one, unit in zip(row, costs[UNIT], strict=True))
        wanted = WANTED_IDENTITY if pair[0] == pair[1] else WANTED_TRANSLATED if is_stream else None
        verdicts.append(wanted is None or ratio <= wanted)
        said = "" if wanted is None else f"{wanted:8.2f}  {'met' if verdicts[-1] else 'MISSED'}"
        print(f"{' -> '.join(pair):26}{median(row):16.3f}{ratio:8.2f}{said}")
    return all(verdicts)


if __name__ == "__main__":
    main()
