"""How `make fidelity` judges, keeps and shows what it measured. Nothing is measured here."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from bench.fidelity import upstream
from bench.fidelity.cases import CASES, Case, quick, tiers
from bench.fidelity.performing import batches
from bench.fidelity.rows import Measured, Rows, state_of
from bench.fidelity.table import UNMEASURED, measured_part, write
from bench.fidelity.verdicts import Line, are_met, lines_of, quantile
from engine.faults.scenarios import Scenario
from engine.spec import Strategy

CASE = Case("one of two", "priority-failover", tiers(quick()))


def share(rehearsed: float, *live: float, low: float = 0.0, high: float = 1.0) -> Line:
    return Line("share:quick", low, rehearsed, high, live)


def measured(case: Case = CASE, p50: float = 210.0) -> Measured:
    ranges = {"share:quick": [0.4, 0.5, 0.6], "success": [1.0, 1.0, 1.0], "p50": [190.0, 200.0, 210.0]}
    runs = [{"share:quick": 0.51, "success": 1.0, "p50": p50}] * 3
    return Measured(case.name, case.strategy, state_of(case, 3), "2030-01-31T12:00:00+00:00", 100, ranges, runs)


def test_a_share_within_three_points_is_near():
    assert share(0.5, 0.53, 0.52, 0.9).verdict == "near"


def test_one_beyond_them_must_be_inside_a_narrow_range():
    assert share(0.5, 0.545, low=0.45, high=0.55).verdict == "in range"
    assert share(0.5, 0.56, low=0.45, high=0.55).verdict == "off"


def test_a_wide_range_is_nothing_to_rely_on():
    line = share(0.5, 0.6, low=0.3, high=0.7)
    assert line.verdict == "chance"
    assert not line.is_met


def test_times_may_be_off_by_a_seventh_or_by_what_the_machine_added():
    assert Line("p50", 1, 200.0, 1, (229.0,)).verdict == "near"
    assert Line("p50", 1, 200.0, 1, (250.0,)).verdict == "off"
    assert Line("p50", 1, 200.0, 1, (250.0,), noise=60.0).verdict == "overhead"
    assert Line("p50", 1, 200.0, 1, (150.0,), noise=60.0).verdict == "off"


def test_first_tokens_of_streams_are_judged_and_shown_like_other_times():
    ranges = {"success": [1.0, 1.0, 1.0], "first p95": [190.0, 200.0, 210.0]}
    runs = [{"success": 1.0, "first p95": 400.0}] * 3
    row = replace(measured(), ranges=ranges, runs=runs)
    assert [line.verdict for line in row.lines] == ["near", "off"]
    told = measured_part([(CASE, row)])
    assert "first token p95 rehearsed 200 ms, live 400 ms." in told
    assert "| one of two | +0.0 |  |  |  | +50 % | **outside** |" in told
    assert "| first token p95 | 200 ms (190 ms to 210 ms) | 400 ms, 400 ms, 400 ms | +50 % | **off** |" in told


def test_streams_measured_before_first_tokens_were_are_measured_again():
    streamed = replace(CASE, traffic=replace(CASE.traffic, is_stream=True))
    plain = sha256(f"{streamed!r}{3}".encode()).hexdigest()[:16]
    assert state_of(streamed, 3) != plain
    assert state_of(CASE, 3) == sha256(f"{CASE!r}{3}".encode()).hexdigest()[:16]


def test_only_numbers_of_both_sides_are_compared():
    lines = list(lines_of({"success": [1, 1, 1], "p50": [1, 2, 3]}, [{"success": 1.0, "p95": 4.0}], {}))
    assert [line.what for line in lines] == ["success"]


def test_a_case_without_a_number_is_not_faithful():
    assert not are_met([])


@pytest.mark.parametrize(("part", "wanted"), [(0.5, 2), (0.95, 4), (0.25, 1)])
def test_quantiles_are_those_of_the_api(part: float, wanted: int):
    assert quantile([4, 1, 3, 2], part) == wanted


def test_there_are_cases_of_all_strategies_processes_and_at_least_twenty_in_all():
    assert len(CASES) >= 20
    assert len({case.slug for case in CASES}) == len(CASES)
    assert {case.strategy for case in CASES} == {strategy.value for strategy in Strategy}
    assert {(case.processes, case.is_shared) for case in CASES} == {(1, False), (4, False), (4, True)}
    assert any(case.traffic.is_stream for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.slug)
def test_the_world_of_a_case_and_its_scenario_can_be_read(case: Case):
    faults = [{"target": "*", **one.told} for place in case.places for one in place.troubles]
    Scenario.from_json({"name": case.slug, "faults": faults, **case.told})
    for place in case.places:
        upstream.Place(**case.world_of(place))


def test_a_case_sends_the_same_requests_each_time():
    assert CASE.arrivals == replace(CASE).arrivals
    assert CASE.arrivals != replace(CASE, name="another").arrivals


def test_the_upstream_imports_nothing_of_ours():
    tree = ast.parse(Path(upstream.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports}
    ours = ("engine", "bench", "tests", "usage", "tester", "gateway")
    assert not [name for name in names if name.split(".")[0] in ours]


def test_cases_are_played_beside_those_before_the_same_processes():
    found = list(batches(CASES, 4))
    assert sorted(case.slug for batch in found for case in batch) == sorted(case.slug for case in CASES)
    for batch in found:
        assert len(batch) <= 4
        assert len({(case.processes, case.is_shared, case.is_by_minute) for case in batch}) == 1


def test_a_case_that_is_kept_is_not_played_again_until_it_changes(tmp_path: Path):
    path = tmp_path / "fidelity" / "rows.json"
    Rows(path).keep(CASE, measured())
    assert Rows(path).has(CASE, 3)
    assert not Rows(path).has(CASE, 1)
    assert not Rows(path).has(replace(CASE, processes=4), 3)
    assert json.loads(path.read_text())[CASE.slug]["requests"] == 100


def test_the_page_says_what_was_not_measured(tmp_path: Path):
    assert measured_part([(CASE, None)]) == UNMEASURED
    told = measured_part([(CASE, measured()), (replace(CASE, name="another"), None)])
    assert "1 of 2 cases are faithful" in told
    assert "Not measured: another." in told


def test_the_page_names_what_is_outside_and_why():
    told = measured_part([(replace(CASE, why="It has a reason."), measured(p50=400.0))])
    assert "**one of two**: p50 rehearsed 200 ms, live 400 ms. It has a reason." in told


def test_writing_the_table_twice_leaves_the_rest_of_the_page(tmp_path: Path):
    page = tmp_path / "fidelity.md"
    page.write_text("# Before\n\n<!-- measured: begin -->\nold\n<!-- measured: end -->\n\nAfter.\n")
    write(page, [(CASE, measured())])
    once = page.read_text()
    write(page, [(CASE, measured())])
    assert page.read_text() == once
    assert once.startswith("# Before")
    assert once.endswith("After.\n")
    assert "old" not in once
