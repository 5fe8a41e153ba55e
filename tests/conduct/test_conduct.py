"""The table of conduct: what callers, attempts, skips and headers are when something fails.

Each row is run against the gateway over real sockets, and on the simulator; both must do the same.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.conduct.live import Case, Live, gather
from tests.conduct.rehearsed import moments, outside, seen_in, told_in, traces_of
from tests.conduct.rows import CASES, IDS, ROWS
from tests.conduct.stories import STORIES, Story, Told
from tests.conduct.table import Row, Seen, Span
from tests.conduct.upstream import Upstreams
from tests.servers import console

# What timers, sockets and a busy machine may add.
SLACK_S = 0.7


def check(row: Row, seen: Seen, *, slack_s: float = 0.0) -> None:
    """That a request went as its row says; timers and busy machines may take `slack_s` longer."""
    assert seen.attempts in row.attempts
    assert [name for name, _ in seen.skips] == [name for name, _ in row.skips]
    assert seen.sees == row.sees
    assert (seen.retries, seen.fallbacks) == (seen.attempts.count("~"), seen.attempts.count(">"))
    assert (seen.skipped, seen.is_hopeless) == (len(row.skips), row.hopeless)
    low, high = row.again or (None, None)
    assert seen.retry_after is None if low is None else low <= (seen.retry_after or 0) <= (high or 0)
    for (name, for_s), (_, span) in zip(seen.skips, row.skips, strict=True):
        assert span is None or span[0] <= (for_s or 0.0) <= span[1], f"{name} for {for_s} s"
    assert row.takes[0] - 0.001 <= seen.seconds <= row.takes[1] + slack_s


@pytest.mark.parametrize(("row", "is_stream"), CASES, ids=IDS)
def test_a_rehearsal_goes_as_the_table_says(row: Row, is_stream: bool):
    if row.only == "live":
        pytest.skip(row.why)
    arrivals = list(moments(row.before, row.every_s, row.pause_s))
    check(row, seen_in(traces_of(row.shape, row.upstreams, arrivals, is_stream=is_stream)[-1]))


def check_story(story: Story, told: list[Told], asked: Mapping[str, int], *, slack_s: float = 0.0) -> None:
    """That requests went as their story says."""

    def is_in(span: Span, found: float) -> bool:
        return span[0] <= found <= span[1]

    by = Counter(one.by for one in told)
    assert is_in(story.answered, len(told) - by[""]), by
    assert all(is_in(span, asked[name]) for name, span in story.asked.items()), asked
    assert all(is_in(span, asked[name] - by[name]) for name, span in story.wasted.items()), (asked, by)
    assert is_in(story.slow, sum(one.seconds > story.longest_s + slack_s for one in told))
    if story.back is not None:
        again_s = min((one.at_s for one in told if one.by == "A" and one.at_s >= story.back[0]), default=math.inf)
        assert again_s <= story.back[1] + slack_s


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_rehearsed_story_goes_as_the_table_says(story: Story, is_stream: bool):
    traces = traces_of(story.shape, story.upstreams, list(story.at_s), is_stream=is_stream)
    asked = Counter(attempt["deployment_id"] for trace in traces for attempt in trace["attempts"])
    check_story(story, [told_in(trace) for trace in traces], asked)


@dataclass(frozen=True)
class Outcome:
    """What became of all rows and stories on the gateway, by name."""

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
    for case in cases:
        case.build()
    async with live:
        of_stories = zip(cases, stories.values(), strict=False)
        of_rows = zip(cases[len(stories) :], rows.values(), strict=True)
        told, seen = await asyncio.gather(
            gather([_story(case, story) for case, story in of_stories], at_once=len(stories)),
            gather([_row(case, *row) for case, row in of_rows]),
        )
    return Outcome(dict(zip(rows, seen, strict=True)), dict(zip(stories, told, strict=True)))


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
    check(row, seen, slack_s=SLACK_S)


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_live_story_goes_as_the_table_says(story: Story, live: Outcome):
    if story.only == "rehearsed":
        pytest.skip(story.why)
    told = live.stories[story.name]
    if isinstance(told, BaseException):
        raise told
    check_story(story, *told, slack_s=SLACK_S)


def test_the_table_has_at_least_sixty_rows_and_says_of_each_that_one_side_cannot_run_why():
    assert len(ROWS) >= 60
    assert all(bool(one.only) == bool(one.why) for one in (*ROWS, *STORIES))
    assert len(set(IDS)) == len(IDS)


def test_what_scenarios_have_no_word_for_is_known():
    """The simulator is told of these in the words of its upstreams; a scenario cannot describe them yet."""
    unknown = {word for row in ROWS for word in outside(row.upstreams)}
    assert unknown == {"400", "402", "403", "404", "529", "quota", "reset", "cut0", "void", "empty"}
