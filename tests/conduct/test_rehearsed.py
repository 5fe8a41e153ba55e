"""The table of conduct on the simulator, in virtual time."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conduct.checks import check, check_story
from tests.conduct.rehearsed import moments, outside, seen_in, told_in, traces_of
from tests.conduct.rows import CASES, IDS, ROWS
from tests.conduct.stories import STORIES, Story
from tests.conduct.table import Row


@pytest.mark.parametrize(("row", "is_stream"), CASES, ids=IDS)
def test_a_rehearsal_goes_as_the_table_says(row: Row, is_stream: bool):
    if row.only == "live":
        pytest.skip(row.why)
    arrivals = list(moments(row.before, row.every_s, row.pause_s))
    check(row, seen_in(traces_of(row.shape, row.upstreams, arrivals, is_stream=is_stream)[-1]))


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_a_rehearsed_story_goes_as_the_table_says(story: Story, is_stream: bool):
    traces = traces_of(story.shape, story.upstreams, list(story.at_s), is_stream=is_stream)
    asked = Counter(attempt["deployment_id"] for trace in traces for attempt in trace["attempts"])
    check_story(story, [told_in(trace) for trace in traces], asked)


def test_the_table_has_at_least_sixty_rows_and_says_of_each_that_one_side_cannot_run_why():
    assert len(ROWS) >= 60
    assert all(bool(row.only) == bool(row.why) for row in ROWS)
    assert all(bool(story.only) == bool(story.why) for story in STORIES)
    assert len(set(IDS)) == len(IDS)


def test_scenarios_have_a_word_for_all_that_upstreams_do():
    assert {word for row in ROWS for word in outside(row.upstreams)} == set()
