"""What an installation takes of a machine: CPU per request, memory, connections. Linux (`/proc`).

CPU is what the scheduler counts for each process, in nanoseconds: the load of other processes changes it little, while
it changes requests a second a lot. Requests a second and core follow from it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.drill.installation import Installation, children_of


@dataclass(frozen=True)
class Taken:
    """CPU seconds so far of each part, and requests that callers have had answered; `at_s` on a clock of no epoch."""

    cpu_s: dict[str, float]
    requests: int
    at_s: float


def look(on: Installation, requests: int) -> Taken:
    """Now."""
    workers = [worker.child.pid for worker in on.workers if worker.child]
    parts = {
        "workers": workers,
        "the processes that write their logs": [pid for worker in on.workers for pid in worker.children],
        "HAProxy": _tree(on.balancer.child.pid if on.balancer.child else 0),
        "PostgreSQL": on.postgres.pids(),
        "Valkey": _tree(on.valkey.child.pid if on.valkey.child else 0),
    }
    return Taken({name: sum(map(scheduled_s, pids)) for name, pids in parts.items()}, requests, time.monotonic())


def shares(before: Taken, after: Taken) -> dict[str, float]:
    """How much of one core each part has used."""
    return {name: (after.cpu_s[name] - before.cpu_s[name]) / (after.at_s - before.at_s) for name in after.cpu_s}


def cpu_lines(rest: dict[str, float], before: Taken, after: Taken) -> list[str]:
    """CPU of each part at rest, and a request on top; and the requests/s a core carries of the first two."""
    count = after.requests - before.requests
    rate = count / (after.at_s - before.at_s)
    costs = {name: (share - rest[name]) * 1000 / rate for name, share in shares(before, after).items()}
    ours = sum(list(costs.values())[:2])
    lines = [
        f"{name}: {rest[name]:.1%} of a core at rest, {cost:.2f} ms of CPU a request" for name, cost in costs.items()
    ]
    return [f"{count} requests", *lines, f"requests/s a core of workers and their writers: {1000 / ours:.0f}"]


def memory_lines(on: Installation) -> list[str]:
    """Resident memory of workers and writers, from the least to the most."""
    workers = [worker.child.pid for worker in on.workers if worker.child]
    writers = [pid for worker in on.workers for pid in worker.children]
    return [f"memory of {name}: {_range(pids)} MB" for name, pids in (("a worker", workers), ("its writer", writers))]


def connection_lines(on: Installation) -> list[str]:
    """Connections to PostgreSQL, in the middle of the load."""
    import psycopg

    columns = "count(*), count(*) FILTER (WHERE state = 'active')"
    sql = f"SELECT {columns} FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
    with psycopg.connect(on.postgres.url) as database:
        row = database.execute(sql, [database.info.dbname, database.info.backend_pid]).fetchone() or (0, 0)
    return [
        f"connections to PostgreSQL: {row[0] / len(on.workers):.1f} a worker with its writer, {row[1]} at work in all"
    ]


def scheduled_s(pid: int) -> float:
    """Seconds on a processor of all threads of a process that live."""
    total = 0
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def _tree(pid: int) -> list[int]:
    return [pid, *(one for child in children_of(pid) for one in _tree(child))]


def _range(pids: Iterable[int]) -> str:
    sizes = sorted(_resident_mb(pid) for pid in pids)
    return f"{sizes[0]:.0f} to {sizes[-1]:.0f}" if sizes else "0"


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def at_rest(on: Installation, seconds: float) -> dict[str, float]:
    """How much of one core each part uses without a request."""
    before = look(on, 0)
    time.sleep(seconds)
    return shares(before, look(on, 0))


def measure(on: Installation, calls: Path, seconds: float, rest: dict[str, float]) -> list[str]:
    """Lines to print, after so many seconds of the load that runs."""
    before = look(on, _answered(calls))
    time.sleep(seconds / 2)
    connections = connection_lines(on)
    time.sleep(seconds / 2)
    return [*cpu_lines(rest, before, look(on, _answered(calls))), *memory_lines(on), *connections]


def _answered(calls: Path) -> int:
    return calls.read_bytes().count(b"\n")
