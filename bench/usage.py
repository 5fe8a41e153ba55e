"""`make bench NAME=usage`: server time of the usage page, its API and the request log at 10,000 to 1,000,000 requests.

190 days of 40 keys in 10 teams, 20 groups, 50 models of 10 providers, written by the recorder's own code in batches in
order of time; PostgreSQL gets a copy of what SQLite has. Whole requests through every middleware, without a socket, in
one process. CPU is that of this process and of PostgreSQL's; on a busy machine it says more than the time does.
Then the gateway with and without its log, in turns (`bench/logging_cost.py`), unless `--without-gateway`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import django
from django.test import Client

from bench.processes import cpu_s
from bench.visits import queries_of, visit_ms, visitor
from tests.services import postgres

SIZES, REPEATS = (10_000, 100_000, 1_000_000), 7
WANTED_MS, WANTED_QUERIES = {"sqlite": 1000.0, "postgresql": 300.0}, 12


@dataclass(frozen=True)
class Cost:
    """What one address costs: its first request, then the median, the worst and the mean CPU of several."""

    first_ms: float
    median_ms: float
    worst_ms: float
    cpu_ms: float
    queries: int


Costs = dict[str, Cost]


def main() -> int:
    options = _options()
    if options.measure:
        return measure(Path(options.measure))
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as folder:
        codes = [_run(folder, f"sqlite:///{Path(folder) / 'bench.sqlite3'}")]
        with postgres() as url:
            codes.append(_run(folder, url))
    if not options.without_gateway:
        codes.append(subprocess.run([sys.executable, "-m", "bench.logging_cost"], check=False).returncode)
    return max(codes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.usage")
    parser.add_argument("--without-gateway", action="store_true", help="leave out what logging costs the gateway")
    parser.add_argument("--measure", metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(folder: str, database: str) -> int:
    """A process of its own for each database: Django knows one."""
    env = {
        "DJANGO_SETTINGS_MODULE": "routing_console.settings",
        "DATABASE_URL": database,
        "ROUTING_CONSOLE_DATA": folder,
        "ROUTING_CONSOLE_DEMO": "0",
        "ALLOWED_HOSTS": "testserver",
        "LOG_LEVEL": "WARNING",
        "ATTEMPTS_RETENTION_HOURS": "9600",
    }
    command = [sys.executable, "-m", "bench.usage", "--measure", folder]
    return subprocess.run(command, env={**os.environ, **env}, check=False).returncode


def measure(folder: Path) -> int:
    """Fills and measures the database that the environment names."""
    django.setup()
    from django.db import connection

    return _report(connection.vendor, dict(_measured(folder)))


def _measured(folder: Path) -> Iterator[tuple[int, Costs]]:
    from django.core.management import call_command
    from django.db import connection

    from bench.usage_addresses import addresses

    call_command("migrate", verbosity=0)
    made = 0
    for size in SIZES:
        began = time.perf_counter()
        _fill(made, size, folder / f"{size}.sqlite3")
        print(f"{connection.vendor}: {size:,} requests after {time.perf_counter() - began:.0f} s", file=sys.stderr)
        made = size
        yield size, costs_of(addresses())


def _fill(made: int, size: int, copy: Path) -> None:
    from django.db import connection

    from bench.usage_copy import keep, take
    from bench.usage_log import fill
    from usage.request_log.retention import purge

    if connection.vendor == "sqlite":
        fill(made, size)
        purge()
        keep(copy)
    else:
        take(copy)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def costs_of(paths: dict[str, str]) -> Costs:
    """The cost of each, after one request that warms the process up."""
    client = visitor("person-00")  # the busiest person, so that the own usage has most to add up
    visit_ms(client, "/account")
    return {name: _cost(client, path) for name, path in paths.items()}


def _cost(client: Client, path: str) -> Cost:
    first_ms, count = visit_ms(client, path), queries_of(client, path)
    before = _cpu_s()
    taken = [visit_ms(client, path) for _ in range(REPEATS)]
    cpu_ms = (_cpu_s() - before) * 1000 / REPEATS
    return Cost(first_ms, statistics.median(taken), max(taken), cpu_ms, count)


def _cpu_s() -> float:
    """Of this process, and of the PostgreSQL that it uses."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return time.process_time()
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        server = int((Path(cursor.fetchone()[0]) / "postmaster.pid").read_text().split()[0])
    return time.process_time() + cpu_s(server)


def _report(vendor: str, table: dict[int, Costs]) -> int:
    wanted, largest = WANTED_MS[vendor], max(table)
    print(f"\nServer time in ms on {vendor}; wanted under {wanted:g} ms, at most {WANTED_QUERIES} queries")
    heads = [f"{size:,}" for size in table if size != largest]
    print(f"{'median, by requests':32}" + "".join(f"{head:>10}" for head in [*heads, f"{largest:,}"]), end="")
    print("".join(f"{head:>9}" for head in ("worst", "first", "CPU", "queries")))
    for name, cost in table[largest].items():
        medians = "".join(f"{costs[name].median_ms:>10.1f}" for costs in table.values())
        print(
            f"{name:32}{medians}{cost.worst_ms:>9.1f}{cost.first_ms:>9.1f}{cost.cpu_ms:>9.1f}{cost.queries:>9}", end=""
        )
        print(f"  {max(_verdict(costs[name], wanted) for costs in table.values())}")
    worst = max(_verdict(cost, wanted) for costs in table.values() for cost in costs.values())
    print(worst, flush=True)
    return 0 if worst == Verdict.MET else 1


class Verdict(IntEnum):
    """Less is better. On a busy machine a request waits for its turn; its CPU time tells what it costs."""

    MET = 0
    MET_IN_CPU = 1
    MISSED = 2

    def __str__(self) -> str:
        return {self.MET: "met", self.MET_IN_CPU: "met in CPU time only", self.MISSED: "NOT MET"}[self]


def _verdict(cost: Cost, wanted_ms: float) -> Verdict:
    if cost.queries <= WANTED_QUERIES and cost.median_ms < wanted_ms:
        return Verdict.MET
    return Verdict.MET_IN_CPU if cost.queries <= WANTED_QUERIES and cost.cpu_ms < wanted_ms else Verdict.MISSED


if __name__ == "__main__":
    sys.exit(main())
