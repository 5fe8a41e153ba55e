"""How PostgreSQL reads the request log for a page: for `bench/log_partitions.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.visits import visit_ms, visitor

TABLE = "usage_requestrecord"
# Of the log's tables and their indexes, while a query of the log is planned and read.
LOCKS = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IS NOT NULL"


@dataclass(frozen=True)
class LogPlan:
    """One query of the log: times in milliseconds, the tables that are looked into, the locks it takes."""

    page: str
    planned_ms: float
    read_ms: float
    tables: int
    locks: int
    where: str

    def __str__(self) -> str:
        times = f"{self.planned_ms:8.2f}{self.read_ms:10.2f}{self.tables:8}{self.locks:7}"
        return f"{self.page:26}{times}  {self.where[:110]}"


def plans_of(paths: dict[str, str]) -> Iterator[LogPlan]:
    """Each query of the log that a page has, planned and read once more."""
    client = visitor("person-00")
    for page, path in paths.items():
        with CaptureQueriesContext(connection) as queries:
            visit_ms(client, path)
        for query in queries:
            if query["sql"].startswith("SELECT") and f'FROM "{TABLE}"' in query["sql"]:
                yield _planned(page, query["sql"])


def _planned(page: str, query: str) -> LogPlan:
    """The better of two times: the first may fill caches of this connection."""
    plans, locks = [], 0
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"EXPLAIN (ANALYZE, SUMMARY, FORMAT JSON) {query.replace('%', '%%')}", [])
            plan = cursor.fetchone()[0]
            cursor.execute(LOCKS)
            locks = cursor.fetchone()[0]
            cursor.execute("ROLLBACK")
        plans.append((plan if isinstance(plan, list) else json.loads(plan))[0])
    planned, read = (min(plan[name] for plan in plans) for name in ("Planning Time", "Execution Time"))
    tables = {name for name in _relations(plans[0]["Plan"]) if name.startswith(TABLE)}
    where = re.sub(r'"usage_requestrecord"\.|"', "", query.partition(" WHERE ")[2] or query.rpartition("ORDER")[2])
    return LogPlan(page, planned, read, len(tables), locks, where)


def _relations(node: dict[str, Any]) -> Iterator[str]:
    if "Relation Name" in node:
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _relations(child)
