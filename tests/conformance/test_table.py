"""Every door over every dialect, as the table says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.cases import CELLS, Cell
from tests.conformance.doors.heard import Recorded, hear
from tests.conformance.words import Question
from tests.databases import own_database
from tests.forks import run_python
from tests.servers import environment

pytestmark = [pytest.mark.server, pytest.mark.once, pytest.mark.xdist_group("conformance_table")]
IDS = [cell.name for cell in CELLS]


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of all cells that are wanted, by name; one server for all."""
    folder = tmp_path_factory.mktemp("conformance")
    names, found = folder / "names.json", folder / "seen.json"
    here = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.node.path]
    names.write_text(json.dumps(sorted({case.id for case in here if case is not None})))
    with own_database(folder) as database:
        env = {**environment(folder, database), "REDIS_URL": ""}
        run_python(["-m", "tests.conformance.served", str(names), str(found)], env, timeout=900)
    return dict(json.loads(found.read_text()))


@pytest.mark.parametrize("cell", CELLS, ids=IDS)
def test_a_question_arrives_whole_and_its_answer_comes_back(cell: Cell, seen: dict[str, Any]):
    found = seen[cell.name]
    if "crash" in found:
        pytest.fail(found["crash"])
    assert found["refused"] is None
    assert _read(found["read"]) == cell.arrives
    assert found["dropped"] == cell.reported
    heard, expected = hear(Recorded(**found["recorded"])), cell.case.expected(cell.door, is_stream=cell.is_stream)
    if cell.hole and cell.hole.is_uncounted:
        heard = replace(heard, usage=expected.usage)
    assert heard == expected


def _read(read: dict[str, Any]) -> Question:
    """The question, where JSON has made lists of its tuples."""
    pieces = tuple(tuple(piece) for piece in read["pieces"])
    return Question(**{**read, "pieces": pieces, "tools": tuple(read["tools"]), "stops": tuple(read["stops"])})
