"""`python -m bench.log_partitions --rows 10000000`: the request log in 30 partitions, and the same rows in one table.

On a PostgreSQL from a wheel with 1 GB of shared_buffers. Server time of pages is taken as `bench/usage.py` does (whole
requests, in one process; CPU is that of this process and of PostgreSQL); then bytes a row, what it takes to get rid of
a day, the way back to one table and the upgrade. PostgreSQL makes the rows by itself, so sums of them are missing:
pages that show sums as well show none. All days have the same rows but for their times and ids.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import django

from tests.services import own_postgres

DAYS, SLOTS, AS_WRITTEN = 30, 10_000, 1
DAY = timedelta(days=1)
TABLE = "usage_requestrecord"
# What a day's rows have in common with those of `bench/usage_log.py`: habits, shares of outcomes, lengths.
ROWS = f"""
    INSERT INTO bench_day (call_id, model_group, endpoint, owner, key_id, key_name, team_id, team, provider_id,
        provider, deployment_id, deployment_name, model, is_own_key, started_at, duration_ms, first_token_ms, status,
        outcome, error_class, is_stream, input_tokens, output_tokens, cached_tokens, is_estimated, cost_usd,
        virtual_model, virtual_tier, score, revision, attempts, fell_back, skipped, unit, rescued, has_skips)
    SELECT lpad(to_hex(extract(epoch FROM t)::bigint & 65535), 4, '0') || substr(md5(random()::text), 1, 28),
        h.c->>'model_group', 'chat/completions', h.c->>'owner', h.c->>'key_id', h.c->>'key_name', h.c->>'team_id',
        h.c->>'team', h.c->>'provider_id', h.c->>'provider', h.c->>'deployment_id', h.c->>'deployment_name',
        h.c->>'model', (h.c->>'is_own_key')::bool, t, ms, CASE WHEN stream AND status IN (200, 499) THEN ms / 5 END,
        status, outcome, CASE WHEN status = 200 THEN '' ELSE 'ServiceUnavailableError' END, stream, tokens,
        ms::int / 10, 0, status = 499, tokens * 5e-7, h.c->>'virtual_model', h.c->>'virtual_tier',
        (h.c->>'score')::int, 1,
        CASE WHEN fell THEN jsonb_build_array(h.a || jsonb_build_object('started_at', at, 'moved_on_because',
            'fallback_error', 'status', 'error', 'status_code', 503, 'error_class', 'ServiceUnavailableError',
            'duration_ms', 20.0)) ELSE '[]' END
        || jsonb_build_array(h.a || jsonb_build_object('started_at', at, 'moved_on_because', NULL, 'status',
            CASE WHEN status = 200 THEN 'success' ELSE 'error' END, 'status_code', status, 'error_class', NULL,
            'duration_ms', ms)),
        fell, '[]', '', FALSE, FALSE
    FROM (
        SELECT t, to_char(t, 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00') AS at, random() < 0.5 AS stream,
            random() < 0.03 AS fell, 200 + 20000 * random() ^ 4 AS ms, (1 + 2000 * random() ^ 3)::int AS tokens, status,
            CASE status WHEN 200 THEN 'answered' WHEN 499 THEN 'left' WHEN 400 THEN 'refused' ELSE 'failed' END
                AS outcome,
            1 + (random() * ({SLOTS} - 1))::int AS slot
        FROM (
            SELECT %(begin)s::timestamptz + n * %(step)s::interval AS t,
                (ARRAY[503, 503, 429, 400, 499])[1 + (random() * 80)::int] AS odd
            FROM generate_series(0, %(count)s - 1) n
        ) times, LATERAL (SELECT coalesce(odd, 200) AS status) ended
    ) r JOIN bench_slot USING (slot) JOIN bench_habit h ON h.id = bench_slot.habit ORDER BY t
"""
# The same rows a day later, much quicker than to make others.
AGAIN = """
    INSERT INTO {into} (call_id, started_at, {columns})
    SELECT substr(call_id, 1, 4) || substr(md5(random()::text), 1, 28), started_at + %s::interval, {columns}
    FROM bench_day WHERE started_at + %s::interval <= now()
"""
SIZES = f"SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('{TABLE}')"
COLUMNS = f"SELECT attname FROM pg_attribute WHERE attrelid = '{TABLE}'::regclass AND attnum > 0 AND NOT attisdropped"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.log_partitions", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return measure(options.rows)
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as folder, own_postgres() as server:
        _tune(server.url)
        server.stop()
        server.start_again()
        env = {
            "DJANGO_SETTINGS_MODULE": "routing_console.settings",
            "DATABASE_URL": server.url,
            "ROUTING_CONSOLE_DATA": folder,
            "ROUTING_CONSOLE_DEMO": "0",
            "ALLOWED_HOSTS": "testserver",
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "bench.log_partitions", "--here", "--rows", str(options.rows)]
        return subprocess.run(command, env={**os.environ, **env}, check=False).returncode


def _tune(url: str) -> None:
    """Memory as a server of its own would have, and no waiting for the disk."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as admin:
        for name, value in {
            "shared_buffers": "1GB",
            "max_wal_size": "4GB",
            "maintenance_work_mem": "512MB",
            "max_parallel_maintenance_workers": "0",
            "fsync": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "autovacuum": "off",  # VACUUM and ANALYZE are said where they belong
        }.items():
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")


def measure(rows: int) -> int:
    """Fills and measures the database that the environment names."""
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _some_group()
    per_day, midnight = rows // DAYS, datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tables = {}
    _took(f"{rows:,} rows in partitions", lambda: _fill_days(midnight, per_day))
    _took(f"drop a partition of {per_day:,} rows", lambda: _drop_before(midnight - (DAYS - 1) * DAY))
    _say(f"{_rows(SIZES)[0][0]:,} bytes in {_rows(f'SELECT count(*) FROM {TABLE}')[0][0]:,} rows")
    tables["partitions"] = _costs("partitions")
    _took("migrate back to one table", lambda: call_command("migrate", "usage", "0023", verbosity=0))
    _sql("VACUUM ANALYZE usage_requestrecord")
    tables["one table"] = _costs("one table")
    _took(f"delete {per_day:,} rows, 1,000 at a time", lambda: _delete_before(midnight - (DAYS - 2) * DAY))
    _took("migrate to partitions", lambda: call_command("migrate", verbosity=0))
    tables["upgraded"] = _costs("upgraded")
    _report(tables)
    return 0


def _some_group() -> None:
    from groups.models import Deployment, RoutingGroup, Strategy
    from providers.models import LanguageModel, Provider

    provider = Provider.objects.create(name="Provider 0", type="custom", api_base="https://llm.example.com/v1")
    group = RoutingGroup.objects.create(name="group-00", strategy=Strategy.PRIORITY_FAILOVER)
    for n in range(3):
        model = LanguageModel.objects.create(provider=provider, name=f"model-0{n}", context_length=8192)
        Deployment.objects.create(group=group, model=model, position=n, priority=n + 1, weight=1)


def _fill_days(midnight: datetime, per_day: int) -> None:
    """A whole day in each partition, in that of today what there is of it. The first is filled as servers do it, in
    order of time with the indexes there; the others get their indexes afterwards, which is quicker and makes them
    smaller."""
    from django.db.transaction import atomic

    from usage.request_log.partitions import make_partition, tend_partitions

    _habits()
    _sql(f"CREATE TABLE bench_day (LIKE {TABLE} INCLUDING DEFAULTS)")
    _sql(ROWS, {"begin": midnight - DAYS * DAY, "step": DAY / per_day, "count": per_day})
    again = AGAIN.format(
        into="{into}", columns=", ".join(name for [name] in _rows(COLUMNS) if name not in ("call_id", "started_at"))
    )
    for number in range(DAYS + 1):
        day = midnight - (DAYS - number) * DAY
        name = f"{TABLE}_{day:%Y%m%d}"
        if number < AS_WRITTEN:
            atomic(make_partition)(day, day + DAY)
            _sql(again.format(into=name), [number * DAY] * 2)
            _say(f"{_bytes(name) / per_day:.0f} bytes a row as servers write them")
        else:
            with atomic():
                _sql(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)")
                _sql(again.format(into=name), [number * DAY] * 2)
                _sql(f"ALTER TABLE {name} ADD PRIMARY KEY (call_id)")
                _sql(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", [day, day + DAY])
        _sql(f"VACUUM ANALYZE {name}")
        if number == AS_WRITTEN:
            _say(f"{_bytes(name) / per_day:.0f} bytes a row with indexes made afterwards")
    _sql("DROP TABLE bench_day")
    tend_partitions(now=midnight, oldest=midnight - DAYS * DAY)


def _habits() -> None:
    """Kinds of requests, and which of them a random number means."""
    from bench.usage_log import habits

    known = list(habits())
    _sql("CREATE TABLE bench_habit (id int PRIMARY KEY, c jsonb, a jsonb)")
    _sql("CREATE TABLE bench_slot (slot int PRIMARY KEY, habit int)")
    ends = list(accumulate(habit.weight for habit in known))
    slot = 0
    for number, (habit, end) in enumerate(zip(known, ends, strict=True)):
        _sql(
            "INSERT INTO bench_habit VALUES (%s, %s, %s)",
            [number, json.dumps(habit.columns), json.dumps(habit.attempt)],
        )
        last = round(end / ends[-1] * SLOTS)
        _sql("INSERT INTO bench_slot SELECT n, %s FROM generate_series(%s::int, %s::int) n", [number, slot + 1, last])
        slot = last


def _delete_before(moment: datetime) -> None:
    """As retention did, and does where there are no partitions."""
    from usage.models import RequestRecord

    old = RequestRecord.objects.filter(started_at__lt=moment)
    while part := list(old.order_by("started_at").values_list("pk", flat=True)[:1000]):
        old.filter(pk__in=part).delete()


def _drop_before(moment: datetime) -> None:
    from usage.request_log.partitions import tend_partitions

    tend_partitions(now=datetime.now(UTC), oldest=moment.replace(hour=0, minute=0, second=0, microsecond=0))


def _costs(stage: str) -> dict[str, Any]:
    from bench.log_plans import plans_of
    from bench.usage import costs_of

    paths = dict(_addresses())
    costs = costs_of(paths)
    _report({stage: costs})
    _say(f"{stage + ', queries of the log':26}{'plan ms':>8}{'read ms':>10}{'tables':>8}{'locks':>7}")
    for plan in plans_of(paths):
        _say(str(plan))
    return costs


def _addresses() -> Iterator[tuple[str, str]]:
    from bench.usage_addresses import addresses
    from groups.models import RoutingGroup

    for name, path in addresses().items():
        if name == "overview" or name.startswith("log"):
            yield name, path
    [[call]] = _rows(
        f"SELECT call_id FROM {TABLE} WHERE started_at < now() - interval '12 days' ORDER BY started_at DESC LIMIT 1"
    )
    yield "a request", f"/requests/{call}"
    yield "its attempts, API", f"/v1/requests/{call}/attempts"
    yield "search for its id", f"/search?q={call[:12]}"
    yield "a group", f"/groups/{RoutingGroup.objects.get().pk}"
    yield "the list of groups", "/groups"
    yield "models", "/models"


def _report(tables: dict[str, dict[str, Any]]) -> None:
    print(f"{'ms (CPU ms)':26}" + "".join(f"{name:>22}" for name in tables))
    for name in next(iter(tables.values())):
        costs = [costs[name] for costs in tables.values()]
        print(f"{name:26}" + "".join(f"{f'{cost.median_ms:.1f} ({cost.cpu_ms:.1f})':>22}" for cost in costs))


def _bytes(name: str) -> int:
    return int(_rows(f"SELECT pg_total_relation_size('{name}')")[0][0])


def _took(what: str, work: Callable[[], Any]) -> None:
    began = time.perf_counter()
    work()
    _say(f"{what}: {time.perf_counter() - began:.2f} s")


def _say(text: str) -> None:
    print(text, flush=True)


def _sql(statement: str, parameters: Any = None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _rows(statement: str) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


if __name__ == "__main__":
    sys.exit(main())
