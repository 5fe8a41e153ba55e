"""`make bench NAME=cockpit`: CPU of the pages at 1,000 routing groups and a request log of 1,000,000 rows.

A week of traffic of 40 keys to 1,000 groups of 3 deployments each, a few groups with most of it, written by the
recorder's own code; PostgreSQL gets a copy of what SQLite has. Whole requests through every middleware, without a
socket, in one process. CPU is that of this process and of PostgreSQL's: what others do on the machine is not in it.
The database can be kept (`--keep FOLDER`) and measured again (`--measure FOLDER`, with its `DATABASE_URL`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import django

from bench.pages import add_groups, catalog
from bench.usage import Costs, costs_of
from tests.services import postgres

if TYPE_CHECKING:
    from bench.usage_log import Habit

GROUPS, MODELS, ROWS, WEEK, KEYS = 1_000, 2_000, 1_000_000, timedelta(days=7), 40
# Written just before the pages are measured, so that "the last 15 minutes" are busy: 20 requests a second.
RECENT, RECENT_ROWS = timedelta(minutes=15), 18_000
WANTED_MS = 100.0


def main() -> int:
    options = _options()
    if options.measure:
        return _measure(Path(options.measure), options.rows)
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as made:
        folder = Path(options.keep or made)
        codes = [_run(folder, f"sqlite:///{folder / 'bench.sqlite3'}", options.rows)]
        with postgres() as url:
            codes.append(_run(folder, url, options.rows))
        return max(codes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.cockpit")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the request log")
    parser.add_argument("--keep", metavar="FOLDER", help="leave the SQLite database there")
    parser.add_argument("--measure", metavar="FOLDER", help="only measure the database of that folder")
    return parser.parse_args()


def _run(folder: Path, database: str, rows: int) -> int:
    """A process of its own for each database: Django knows one."""
    env = {
        "DJANGO_SETTINGS_MODULE": "routing_console.settings",
        "DATABASE_URL": database,
        "ROUTING_CONSOLE_DATA": str(folder),
        "ROUTING_CONSOLE_DEMO": "0",
        "ALLOWED_HOSTS": "testserver",
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "bench.cockpit", "--measure", str(folder), "--rows", str(rows)]
    return subprocess.run(command, env={**os.environ, **env}, check=False).returncode


def _measure(folder: Path, rows: int) -> int:
    """Fills the database that the environment names if it is empty, and measures it."""
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from bench.usage_log import ask
    from usage.alerting.evaluation import settle
    from usage.models import RequestRecord
    from usage.request_log.retention import purge

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    if not RequestRecord.objects.exists():
        _fill(folder / "copy.sqlite3", rows)
    ask(list(_habits()), RECENT_ROWS, over=RECENT, seed=int(time.time()))
    purge()
    settle()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"{connection.vendor}: {RequestRecord.objects.count():,} rows after {time.perf_counter() - began:.0f} s")
    return _report(connection.vendor, costs_of(_pages()))


def _fill(copy: Path, rows: int) -> None:
    from django.db import connection

    from bench.usage_copy import TABLES, keep, take
    from bench.usage_log import ask
    from groups.models import Deployment, RoutingGroup
    from providers.models import LanguageModel, Provider
    from usage.models import GroupCount, RecentCount

    if connection.vendor == "sqlite":
        add_groups(catalog(MODELS), 0, GROUPS)
        ask(list(_habits()), rows, over=WEEK, seed=1)
        keep(copy)
    else:
        take(copy, (Provider, LanguageModel, RoutingGroup, Deployment, *TABLES, GroupCount, RecentCount))


def _habits() -> Iterator[Habit]:
    """A key asks for every group, the first groups most; the first deployment answers most."""
    from bench.usage_log import Habit, identity
    from groups.models import Deployment

    placed = Deployment.objects.select_related("group", "model__provider").order_by("group__name", "position")
    for number, one in enumerate(placed):
        group, key = number // 3, number // 3 % KEYS
        answered = {
            "deployment_id": str(one.model_id),
            "deployment_name": f"{one.model.provider.name}/{one.model.name}",
            "provider": one.model.provider.name,
            "model_group": one.group.name,
        }
        columns = {
            "owner": f"person-{key:02}",
            "key_id": identity("key", key),
            "key_name": f"key {key}",
            "team_id": identity("team", key % 10),
            "team": f"team {key % 10}",
            "provider_id": str(one.model.provider_id),
            "model": one.model.name,
            "is_own_key": False,
            "virtual_model": "auto" if number % 10 == 0 else "",
            "virtual_tier": "",
            "score": None,
        }
        weight = 1 / (group + 1) / (one.position + 1) ** 2
        tried = {**answered, "provider_id": columns["provider_id"], "tier": 1, "fallback_depth": 0}
        yield Habit(weight, {**columns, **answered}, tried)


def _pages() -> dict[str, str]:
    """The busiest group and key, because they have most to add up."""
    from groups.models import RoutingGroup
    from usage.models import RequestRecord

    group = RoutingGroup.objects.get(name="group-00000")
    fell_back = RequestRecord.objects.filter(fell_back=True).order_by("-started_at").values_list("pk", flat=True)[0]
    logs = {
        "its group": {"group": group.name},
        "a quiet group": {"group": "group-00900"},
        "a key": {"key": "key 0"},
        "a person": {"user": "person-00"},
        "a provider": {"provider": "Provider 0"},
        "a virtual model": {"virtual_model": "auto"},
        **{outcome: {"outcome": outcome} for outcome in ("answered", "failed", "refused", "left")},
        "503": {"status": "503"},
        "429": {"status": "429"},
        "fell back": {"fell_back": "true"},
        "unheard of": {"group": "nobody"},
        "a key that failed": {"key": "key 0", "outcome": "failed"},
        "a group and a person": {"group": group.name, "user": "person-00"},
        "a day": {"since": _days_ago(3), "until": _days_ago(2)},
        "a call": {"call": "0f3a"},
    }
    return {
        **{f"overview, {word}": f"/?period={word}" for word in ("15m", "1h", "24h", "7d")},
        "groups": "/groups",
        "groups, last page": "/groups?page=last",
        "a group": f"/groups/{group.pk}",
        "a group, now": f"/groups/{group.pk}/now",
        "a request": f"/requests/{fell_back}",
        "alerts": "/alerts",
        "alerts, resolved": "/alerts/resolved",
        "alerts, rules": "/alerts/rules",
        **{f"usage, {word}": f"/usage?period={word}" for word in ("24h", "7d", "30d")},
        **{f"cost, {word}": f"/usage/cost?period={word}" for word in ("24h", "7d", "30d")},
        "log": "/requests",
        **{f"log, {name}": f"/requests?{urlencode(query)}" for name, query in logs.items()},
    }


def _days_ago(days: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}"


def _report(vendor: str, costs: Costs) -> int:
    print(f"\nCPU in ms on {vendor}, wanted under {WANTED_MS:g}; {'median, first':>20} (wall); queries")
    for name, cost in costs.items():
        word = "" if cost.cpu_ms < WANTED_MS else "  NOT MET"
        print(
            f"{name:26}{cost.cpu_ms:>8.1f}{cost.median_ms:>10.1f}{cost.first_ms:>9.1f}{cost.queries:>5}{word}",
            flush=True,
        )
    return 0 if all(cost.cpu_ms < WANTED_MS for cost in costs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
