"""On PostgreSQL the log becomes a table of partitions, and what it has so far is the first of them (ADR 25).

The rows stay where they are: they are read once, to see that none is of a later day, and none is written. An empty log
has no such partition. Those of the days are made while servers run (`usage/request_log/partitions.py`).
"""

from __future__ import annotations

from django.db import migrations

TABLE, BEFORE, DEFAULT = "usage_requestrecord", "usage_requestrecord_before", "usage_requestrecord_default"
INDEXES = """
    SELECT c.relname, pg_get_indexdef(c.oid), i.indisprimary FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = %s::regclass ORDER BY c.relname
"""
TOMORROW = "SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '24 hours'"
COLUMNS = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE"


def partition(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        definitions = _put_aside(cursor)
        cursor.execute(f"CREATE TABLE {TABLE} (LIKE {BEFORE} {COLUMNS}) PARTITION BY RANGE (started_at)")
        for definition in definitions:
            cursor.execute(definition)
        cursor.execute(f"CREATE TABLE {DEFAULT} PARTITION OF {TABLE} (PRIMARY KEY (call_id)) DEFAULT")
        _take_in(cursor)


def _put_aside(cursor):
    """Gives the old table and its indexes other names; returns the definitions of those indexes.

    The primary key stays its own: a row that comes again has the same time, so each partition can tell by itself.
    """
    cursor.execute(INDEXES, [TABLE])
    indexes = cursor.fetchall()
    cursor.execute(f"ALTER TABLE {TABLE} RENAME TO {BEFORE}")
    for name, _, _ in indexes:
        cursor.execute(f'ALTER INDEX "{name}" RENAME TO "{name[:56]}_before"')
    return [definition for _, definition, is_primary in indexes if not is_primary]


def _take_in(cursor):
    """Makes the old table the partition of all until midnight; rows of clocks that are ahead go into the other."""
    cursor.execute(f"SELECT EXISTS (SELECT FROM {BEFORE})")
    if not cursor.fetchone()[0]:
        cursor.execute(f"DROP TABLE {BEFORE}")
        return
    cursor.execute(TOMORROW)
    [midnight] = cursor.fetchone()
    later = f"WITH later AS (DELETE FROM {BEFORE} WHERE started_at >= %s RETURNING *)"
    cursor.execute(f"{later} INSERT INTO {DEFAULT} SELECT * FROM later", [midnight])
    cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ('{midnight}')")


def make_whole(apps, schema_editor):
    """One table again; writes every row once more."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")  # a row that comes meanwhile would be lost
        cursor.execute(INDEXES, [TABLE])
        indexes = cursor.fetchall()
        cursor.execute(f"CREATE TABLE {TABLE}_whole (LIKE {TABLE} {COLUMNS})")
        cursor.execute(f"INSERT INTO {TABLE}_whole SELECT * FROM {TABLE}")
        cursor.execute(f"DROP TABLE {TABLE}")
        cursor.execute(f"ALTER TABLE {TABLE}_whole RENAME TO {TABLE}")
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {TABLE}_pkey PRIMARY KEY (call_id)")
        for _, definition, _ in indexes:
            cursor.execute(definition.replace(" ON ONLY ", " ON "))


class Migration(migrations.Migration):
    dependencies = [("usage", "0023_prove_standbys")]

    operations = [migrations.RunPython(partition, make_whole)]
