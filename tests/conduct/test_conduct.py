"""The table of conduct: what callers, attempts, skips and headers are when something fails.

Each row is run against the gateway over real sockets, and on the simulator; both must do the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.conduct.live import Case, Live, gather
from tests.conduct.rehearsed import moments, seen_in, traces_of
from tests.conduct.rows import CASES, IDS
from tests.conduct.table import Row, Seen
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


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen | BaseException]]:
    """What became of each row on the gateway: all rows at once, each with deployments of its own."""
    with console(tmp_path_factory.mktemp("conduct")) as ours, Upstreams() as upstreams:
        yield asyncio.run(_all_live(Live(ours, upstreams)))


async def _all_live(live: Live) -> dict[str, Seen | BaseException]:
    wanted = [(name, row, is_stream) for name, (row, is_stream) in zip(IDS, CASES, strict=True)]
    wanted = [case for case in wanted if case[1].only != "rehearsed"]
    cases = [Case(live, number, row.shape, row.upstreams) for number, (_, row, _) in enumerate(wanted)]
    for case in cases:
        case.build()
    async with live:
        works = [_one_live(case, row, is_stream) for case, (_, row, is_stream) in zip(cases, wanted, strict=True)]
        return dict(zip((name for name, _, _ in wanted), await gather(works), strict=True))


async def _one_live(case: Case, row: Row, is_stream: bool) -> Seen:
    for _ in range(row.before):
        await case.ask(is_stream=is_stream)
    await asyncio.sleep(row.pause_s)
    return await case.seen(await case.ask(is_stream=is_stream))


@pytest.mark.parametrize(("row", "name"), [(row, name) for (row, _), name in zip(CASES, IDS, strict=True)], ids=IDS)
def test_the_gateway_goes_as_the_table_says(row: Row, name: str, live: dict[str, Seen | BaseException]):
    if row.only == "rehearsed":
        pytest.skip(row.why)
    seen = live[name]
    if isinstance(seen, BaseException):
        raise seen
    check(row, seen, slack_s=SLACK_S)
