"""Every door over every dialect, as the table says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.cases import CELLS, Cell
from tests.conformance.doors.heard import Recorded, hear
from tests.conformance.running import seen_of
from tests.conformance.words import Question

pytestmark = [pytest.mark.server, pytest.mark.once, pytest.mark.xdist_group("conformance_table")]
ENDPOINTS = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}
IDS = [cell.name for cell in CELLS]


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of all cells that are wanted, by name; one server for all."""
    items = (item for item in request.session.items if item.path == request.node.path)
    cells = (item.callspec.params["cell"] for item in items if hasattr(item, "callspec"))
    return seen_of(cells, tmp_path_factory.mktemp("conformance"))


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


IDENTICAL = [cell for cell in CELLS if cell.door == cell.dialect and cell.is_stream and cell.case.act == "answers"]
COMMENT = re.compile(r"^:.*\n\n", re.MULTILINE)
MODEL = re.compile(r'"model": ?"[^"]*"')


@pytest.mark.parametrize("cell", IDENTICAL, ids=[cell.name for cell in IDENTICAL])
def test_a_stream_of_the_clients_own_protocol_passes_byte_by_byte(cell: Cell, seen: dict[str, Any]):
    found = seen[cell.name]
    # Comments before the first content and after the last keep nobody's connection alive.
    told, got = (COMMENT.sub("", text.replace("\r\n", "\n")) for text in (found["told"], found["recorded"]["body"]))
    if cell.door == "messages":  # the client's name of the model is in the first event
        told, got = MODEL.sub("", told, count=1), MODEL.sub("", got, count=1)
    assert got == told


@pytest.mark.parametrize("cell", CELLS, ids=IDS)
def test_the_log_has_what_the_client_has(cell: Cell, seen: dict[str, Any]):
    logged, expected = seen[cell.name]["logged"], cell.case.expected(cell.door, is_stream=cell.is_stream)
    assert logged["endpoint"] == ENDPOINTS[cell.door]
    if cell.ends_well and not (cell.hole and cell.hole.is_uncounted):
        assert expected.usage is not None
        read, cached, wrote = expected.usage
        assert (logged["input_tokens"], logged["cached_tokens"], logged["output_tokens"]) == expected.usage
        assert not logged["is_estimated"]
        assert logged["cost_usd"] == pytest.approx(((read - cached) * 3 + cached + wrote * 15) / 1e6)
        # The head of a stream is there before its tokens.
        told = seen[cell.name]["cost"]
        assert told is None if cell.is_stream else float(told) == pytest.approx(logged["cost_usd"])
    elif not cell.ends_well and expected.text:  # a stream that broke
        assert (logged["status"] >= 500, logged["is_estimated"]) == (True, True)
        assert logged["input_tokens"] > 0
        assert logged["output_tokens"] > 0


def _read(read: dict[str, Any]) -> Question:
    """The question, where JSON has made lists of its tuples."""
    pieces = tuple(tuple(piece) for piece in read["pieces"])
    return Question(**{**read, "pieces": pieces, "tools": tuple(read["tools"]), "stops": tuple(read["stops"])})
