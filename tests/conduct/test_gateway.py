"""The table of conduct on the gateway: a real server, scripted upstreams, real sockets.

The same rows, with the same expectations, run on the simulator: `test_rehearsed.py`. What is rehearsed with the same
draws goes the same way, request by request: `twins.py`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conduct.checks import check, check_story
from tests.conduct.rehearsed import seen_in, traces_of
from tests.conduct.rows import CASES, IDS
from tests.conduct.stories import STORIES, Story, Told
from tests.conduct.table import Row, Seen
from tests.conduct.twins import SEED, TWINS, Twin, way_of
from tests.databases import own_database
from tests.forks import run_python
from tests.servers import environment

pytestmark = [pytest.mark.server, pytest.mark.once, pytest.mark.xdist_group("conduct")]
ROWS = [(name, row) for name, (row, _) in zip(IDS, CASES, strict=True)]


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What all rows and stories that are wanted saw, by name: one server for all, each with its own deployments."""
    folder = tmp_path_factory.mktemp("conduct")
    names, seen = folder / "names.json", folder / "seen.json"
    names.write_text(json.dumps(_wanted(request)))
    with own_database(folder) as database:
        # Valkey would be another process, for whose answers the clock does not wait.
        env = {**environment(folder, database), "REDIS_URL": ""}
        run_python(["-m", "tests.conduct.served", str(names), str(seen)], env, timeout=900)
    return dict(json.loads(seen.read_text()))


def _wanted(request: pytest.FixtureRequest) -> list[str]:
    known = {name for name, row in ROWS if row.only != "rehearsed"}
    known |= {twin.name for twin in TWINS}
    known |= {story.name for story in STORIES if story.only != "rehearsed"}
    here = [item for item in request.session.items if item.path == request.node.path]
    cases = [getattr(item, "callspec", None) for item in here]
    return [case.id for case in cases if case is not None and case.id in known]


def _seen(live: dict[str, Any], name: str) -> dict[str, Any]:
    seen: dict[str, Any] = live[name]
    if "error" in seen:
        pytest.fail(seen["error"])
    return seen


@pytest.mark.parametrize(("name", "row"), ROWS, ids=IDS)
def test_the_gateway_goes_as_the_table_says(name: str, row: Row, live: dict[str, Any]):
    if row.only == "rehearsed":
        pytest.skip(row.why)
    check(row, Seen(**_seen(live, name)))


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_live_story_goes_as_the_table_says(story: Story, live: dict[str, Any]):
    if story.only == "rehearsed":
        pytest.skip(story.why)
    seen = _seen(live, story.name)
    check_story(story, [Told(**one) for one in seen["told"]], seen["asked"])


@pytest.mark.parametrize("twin", TWINS, ids=[twin.name for twin in TWINS])
def test_what_is_rehearsed_with_the_same_draws_goes_the_same_way(twin: Twin, live: dict[str, Any]):
    traces = traces_of(twin.shape, twin.upstreams, list(twin.at_s), is_stream=twin.is_stream, seed=SEED)
    ways = [way_of(seen_in(trace)) for trace in traces]
    assert _seen(live, twin.name)["ways"] == ways
    assert any("503" in way[1] for way in ways)
    assert any("rate_limited" in way for ways_of_one in ways for way in ways_of_one)
