"""A run as programs see it."""

from __future__ import annotations

from typing import Any

import pytest

from tester.models import RunStatus
from tests.tester.live.page import Page, in_thread, page
from tests.tester.live.runs import add_frames, finish

pytestmark = pytest.mark.django_db(transaction=True)


async def events_of(seen: Page) -> list[dict[str, Any]]:
    """Every event up to the end."""
    found = [await seen.receive_json_from(5)]
    while found[-1]["type"] in ("stats", "trace"):
        found.append(await seen.receive_json_from(5))
    return found


async def test_a_program_gets_plain_events(run, key):
    async with page(run, key, view="events") as seen:
        first = await seen.receive_json_from(5)
        assert (first["type"], first["status"], first["requests"]["succeeded"]) == ("stats", "running", 27)
        await in_thread(add_frames)(run, range(10, 12))
        await in_thread(finish)(run, result={"seed": 1})
        events = await events_of(seen)
        assert await seen.closing() == (1000, "The run has ended.")
    assert events[-1] == {"type": "done", "result": {"seed": 1}, "error": ""}
    indexes = [event["index"] for event in events if event["type"] == "trace"]
    assert indexes == [5, 6, 7, 8, 9, 10, 11]
    assert [event["at_ms"] for event in events if event["type"] == "stats"][-1] == 2750.0


async def test_a_program_that_comes_late_gets_the_end_at_once(done, key):
    async with page(done, key, view="events") as seen:
        kinds = [event["type"] for event in await events_of(seen)]
    assert kinds == ["stats", *["trace"] * 5, "done"]


async def test_a_program_is_told_of_a_failure(run, key):
    async with page(run, key, view="events") as seen:
        await in_thread(finish)(run, RunStatus.FAILED, error="The worker was killed.")
        assert (await events_of(seen))[-1] == {"type": "failed", "result": None, "error": "The worker was killed."}


async def test_a_program_gets_many_moments_as_the_newest_one(run, key):
    async with page(run, key, view="events") as seen:
        await in_thread(add_frames)(run, range(10, 300))
        await in_thread(finish)(run)
        events = await events_of(seen)
    assert len(events) < 40
    assert events[-1]["type"] == "done"


async def test_a_program_has_nothing_to_say(run, key):
    async with page(run, key, view="events") as seen:
        await seen.send_json_to({"ack": 1})
        found = [await seen.receive_json_from(5) for _ in range(7)]
    assert "only sends" in next(said["error"] for said in found if "error" in said)
