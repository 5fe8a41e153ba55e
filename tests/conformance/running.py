"""Runs cells of the table in a process of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.conformance.cases import Cell
from tests.databases import own_database
from tests.forks import run_python
from tests.servers import environment


def seen_of(cells: Iterable[Cell], folder: Path) -> dict[str, Any]:
    """What came of these cells, by their names; one server for all."""
    names, found = folder / "names.json", folder / "seen.json"
    names.write_text(json.dumps(sorted({cell.name for cell in cells})))
    with own_database(folder) as database:
        # Valkey would be another process, for whose answers the clock does not wait.
        env = {**environment(folder, database), "REDIS_URL": ""}
        run_python(["-m", "tests.conformance.served", str(names), str(found)], env, timeout=900)
    return dict(json.loads(found.read_text()))
