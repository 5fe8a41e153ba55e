"""That requests went as a row, or a story, of the table of conduct says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from tests.conduct.stories import Story, Told
from tests.conduct.table import Row, Seen, Span, counted


def check(row: Row, seen: Seen, *, slack_s: float = 0.0) -> None:
    """That a request went as its row says; timers and busy machines may take `slack_s` longer."""
    assert seen.attempts in row.attempts
    assert [name for name, _ in seen.skips] == [name for name, _ in row.skips]
    assert seen.sees == row.sees
    assert (seen.retries, seen.fallbacks) == counted(seen.attempts)
    assert (seen.skipped, seen.is_hopeless) == (len(row.skips), row.hopeless)
    low, high = row.again or (None, None)
    assert seen.retry_after is None if low is None else low <= (seen.retry_after or 0) <= (high or 0)
    for (name, for_s), (_, span) in zip(seen.skips, row.skips, strict=True):
        assert span is None or span[0] <= (for_s or 0.0) <= span[1], f"{name} for {for_s} s"
    assert row.takes[0] - 0.001 <= seen.seconds <= row.takes[1] + slack_s


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
