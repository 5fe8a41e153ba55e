"""`python -m bench.log_size`: bytes that a request takes in the log, on SQLite and on PostgreSQL (from a wheel).

Plausible requests of 190 days (`bench/usage_log.py`), as the recorder writes them. The log's table counts with its
indexes; the rest is what the whole database has grown by: sums per hour and day, which grow with time and not with
requests, and on PostgreSQL space that is not used yet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.services import postgres

TABLE = "usage_requestrecord"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.log_size", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--here", action="store_true", help="on the database of DATABASE_URL, which is empty")
    options = parser.parse_args()
    if options.here:
        print(_measured(options.rows))
        return
    with tempfile.TemporaryDirectory(prefix="rc-bench-") as name:
        for kind, url in _databases(Path(name)):
            env = {**os.environ, "DATABASE_URL": url, "ROUTING_CONSOLE_DATA": name, "REDIS_URL": ""}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], env=env, check=True)
            command = [sys.executable, "-m", "bench.log_size", "--here", "--rows", str(options.rows)]
            print(
                f"{kind}: {subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()}"
            )


def _databases(folder: Path) -> Iterator[tuple[str, str]]:
    yield "SQLite", f"sqlite:///{folder / 'log.sqlite3'}"
    with postgres() as url:
        yield "PostgreSQL", url


def _measured(rows: int) -> str:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "routing_console.settings")
    import django

    django.setup()
    from bench.usage_log import fill

    before = _sizes()
    fill(0, rows)
    after = _sizes()
    log, whole = ((two - one) / rows for one, two in zip(before, after, strict=True))
    return (
        f"{log:.0f} bytes a row in the log's table and its indexes, {whole:.0f} in the whole database ({rows:,} rows)"
    )


def _sizes() -> tuple[int, int]:
    """Bytes of the log's table with its indexes, and of the database."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            log = f"SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('{TABLE}')"
            cursor.execute(f"SELECT ({log}), pg_database_size(current_database())")
            row = cursor.fetchone()
            return int(row[0]), int(row[1])
        indexes = f"SELECT name FROM sqlite_master WHERE tbl_name = '{TABLE}'"
        cursor.execute(f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({indexes})")
        table = int(cursor.fetchone()[0])
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return table, int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
