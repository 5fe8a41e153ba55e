"""`make bench-usage`: server time of the usage page, its API and the request log at 10,000 to 1,000,000 requests.

90 days of 200 keys in 20 teams, 20 groups, 10 models of 5 providers, written by the recorder's own code in batches in
order of time; on SQLite and on PostgreSQL. Whole requests through every middleware, without a socket, in one process;
the time is the median of several requests after a first one. Then the gateway with and without its log, in turns
(`bench/logging_cost.py`).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

from tests.services import postgres

SIZES, REPEATS = (10_000, 100_000, 1_000_000), 5
WANTED_MS = {"sqlite": 1000.0, "postgresql": 300.0}

Times = dict[str, float]


def main() -> int:
    if sys.argv[1:2] == ["--measure"]:
        return measure()
    with tempfile.TemporaryDirectory() as folder:
        codes = [_run(folder, f"sqlite:///{Path(folder) / 'bench.sqlite3'}")]
        with postgres() as url:
            codes.append(_run(folder, url))
    codes.append(subprocess.run([sys.executable, "-m", "bench.logging_cost"], check=False).returncode)
    return max(codes)


def _run(folder: str, database: str) -> int:
    """A process of its own for each database: Django knows one."""
    env = {
        "DJANGO_SETTINGS_MODULE": "routing_console.settings",
        "DATABASE_URL": database,
        "ROUTING_CONSOLE_DATA": folder,
        "ROUTING_CONSOLE_DEMO": "0",
        "ALLOWED_HOSTS": "testserver",
        "LOG_LEVEL": "WARNING",
        "ATTEMPTS_RETENTION_HOURS": "2400",
    }
    command = [sys.executable, "-m", "bench.usage", "--measure"]
    return subprocess.run(command, env={**os.environ, **env}, check=False).returncode


def measure() -> int:
    """Fills and measures the database that the environment names."""
    django.setup()
    from django.db import connection

    return _report(connection.vendor, dict(_measured()))


def _measured() -> Iterator[tuple[int, Times]]:
    from django.core.management import call_command
    from django.db import connection

    from bench.usage_log import fill

    call_command("migrate", verbosity=0)
    made = 0
    for size in SIZES:
        began = time.perf_counter()
        fill(made, size)
        took_us = (time.perf_counter() - began) / (size - made) * 1e6
        print(f"{connection.vendor}: {size:,} requests, {took_us:.0f} µs each to write", file=sys.stderr)
        made = size
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield size, {name: _ms(path) for name, path in paths().items()}


def paths() -> dict[str, str]:
    """What is asked for, by name."""
    from usage.models import UsageSeries

    key, team = UsageSeries.objects.order_by("pk").values_list("key_id", "team_id")[0]
    filters = {
        "everything": "",
        "a key": f"key={key}",
        "a team": f"team={team}",
        "a user": "user=person-007",
        "a group": "group=group-03",
        "a provider": "provider=Provider 2",
        "a model": "model=Provider 2/model-2",
        "a provider and a team": f"provider=Provider 2&team={team}",
    }
    found = {f"usage API, {name}": f"/api/v1/llm/usage?period=90d&{query}" for name, query in filters.items()}
    found |= {f"usage page, {name}": f"/usage?period=90d&{query}" for name, query in filters.items()}
    found |= {f"usage page, {period}": f"/usage?period={period}" for period in ("24h", "7d", "30d", "all")}
    narrow = ("a key", "a user", "a group", "a provider")
    found |= {"request log": "/requests", "request log, failed": "/requests?status=503"}
    found |= {f"request log, {name}": f"/requests?{filters[name]}" for name in narrow}
    found |= {"request log, unheard of": "/requests?group=nobody", "request log, a call": "/requests?call=0f3a"}
    return found | {"own usage": "/usage/me", "providers' calls and cost": "/providers/figures"}


def _ms(path: str) -> float:
    from django.test import Client

    from access.models import Role, User

    person, _ = User.objects.get_or_create(username="bench", defaults={"role": Role.ADMIN})
    client = Client()
    client.force_login(person)
    _get(client, path)
    return statistics.median(_get(client, path) for _ in range(REPEATS))


def _get(client: Any, path: str) -> float:
    begin = time.perf_counter()
    answer = client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return (time.perf_counter() - begin) * 1000


def _report(vendor: str, table: dict[int, Times]) -> int:
    wanted = WANTED_MS[vendor]
    print(f"\nServer time in ms on {vendor}; wanted under {wanted:g} ms")
    print(f"{'':36}" + "".join(f"{f'{size:,} requests':>20}" for size in SIZES))
    for name in table[SIZES[0]]:
        print(f"{name:36}" + "".join(f"{table[size][name]:>20.1f}" for size in SIZES))
    is_met = all(ms < wanted for times in table.values() for ms in times.values())
    print("met" if is_met else "NOT MET", flush=True)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
