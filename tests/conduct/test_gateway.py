"""The table of conduct on the gateway: a real server, a scripted upstream, real sockets.

The same rows, with the same expectations, run on the simulator: `test_rehearsed.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conduct.checks import check, check_story
from tests.conduct.live import Case, Live, gather
from tests.conduct.rows import CASES, IDS
from tests.conduct.stories import STORIES, Story, Told
from tests.conduct.table import Row, Seen
from tests.conduct.upstream import Upstreams
from tests.pace import slowness
from tests.servers import console

# What timers and sockets may add, on a machine that is free.
SLACK_S = 0.7


@dataclass(frozen=True)
class Outcome:
    """What became of all rows and stories on the gateway, by name."""

    slack_s: float
    rows: dict[str, Seen | BaseException]
    stories: dict[str, tuple[list[Told], dict[str, int]] | BaseException]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """All rows and stories at once, each with deployments of its own."""
    with console(tmp_path_factory.mktemp("conduct")) as ours, Upstreams() as upstreams:
        yield asyncio.run(_all_live(Live(ours, upstreams)))


async def _all_live(live: Live) -> Outcome:
    rows = {name: case for name, case in zip(IDS, CASES, strict=True) if case[0].only != "rehearsed"}
    stories = {story.name: story for story in STORIES if story.only != "rehearsed"}
    shapes = [(story.shape, story.upstreams) for story in stories.values()]
    shapes += [(row.shape, row.upstreams) for row, _ in rows.values()]
    cases = [Case(live, number, *shape) for number, shape in enumerate(shapes)]
    live.build(cases)
    async with live:
        await cases[0].ready()
        of_stories = zip(cases, stories.values(), strict=False)
        of_rows = zip(cases[len(stories) :], rows.values(), strict=True)
        before = slowness()
        told, seen = await asyncio.gather(
            gather([_story(case, story) for case, story in of_stories], at_once=len(stories)),
            gather([_row(case, *row) for case, row in of_rows]),
        )
    slack_s = SLACK_S * max(before, slowness())
    return Outcome(slack_s, dict(zip(rows, seen, strict=True)), dict(zip(stories, told, strict=True)))


async def _row(case: Case, row: Row, is_stream: bool) -> Seen:
    await case.begin()
    for _ in range(row.before):
        await case.ask(is_stream=is_stream, group=row.via)
    await asyncio.sleep(row.pause_s)
    return await case.seen(await case.ask(is_stream=is_stream))


async def _story(case: Case, story: Story) -> tuple[list[Told], dict[str, int]]:
    await case.begin()

    async def one(at_s: float) -> Told:
        await asyncio.sleep(at_s)
        return case.told(await case.ask(), at_s)

    return await asyncio.gather(*(one(at_s) for at_s in story.at_s)), case.counts


@pytest.mark.parametrize(("row", "name"), [(row, name) for (row, _), name in zip(CASES, IDS, strict=True)], ids=IDS)
def test_the_gateway_goes_as_the_table_says(row: Row, name: str, live: Outcome):
    if row.only == "rehearsed":
        pytest.skip(row.why)
    seen = live.rows[name]
    if isinstance(seen, BaseException):
        raise seen
    check(row, seen, slack_s=live.slack_s)


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_live_story_goes_as_the_table_says(story: Story, live: Outcome):
    if story.only == "rehearsed":
        pytest.skip(story.why)
    told = live.stories[story.name]
    if isinstance(told, BaseException):
        raise told
    check_story(story, *told, slack_s=live.slack_s)
