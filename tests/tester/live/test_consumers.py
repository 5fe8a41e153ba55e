"""The messages of a run's socket to a page, and its cost without a reader."""

from __future__ import annotations

import asyncio

import pytest

from tester import consumers
from tester.live import patches
from tester.live.player import FRAMES_PER_S
from tester.models import LOST_AFTER, RunStatus
from tests.pace import Stopwatch
from tests.tester.live.page import closing_of, in_thread, page
from tests.tester.live.runs import add_frames, finish, make_run

pytestmark = pytest.mark.django_db(transaction=True)


async def test_the_first_frame_is_the_whole_state(run, key):
    async with page(run, key) as seen:
        frame = await seen.frame()
        assert (frame["n"], frame["s"]) == (1, {"at_ms": 2250.0, "end_ms": 2250.0, "status": "running", "seeks": 0})
        assert {"rq", "ok", "av", "fb", "c0", "s0", "n1"} <= frame["p"].keys()
        assert (seen.requests, seen.state["n0"]["#text"]) == ("27", "18")


async def test_then_come_patches_that_lead_to_the_same_state(run, key):
    async with page(run, key) as early:
        await early.frame()
        await in_thread(add_frames)(run, range(10, 14))
        patch = await early.frame()
        await early.until(at_ms=3250.0)
        assert len(patch["p"]) < len(early.state)
        async with page(run, key) as late:
            assert (await late.frame())["n"] == 1
            assert late.state == early.state


async def test_two_viewers_see_the_same(run, key):
    async with page(run, key) as one, page(run, key) as other:
        await in_thread(add_frames)(run, range(10, 14))
        await in_thread(finish)(run)
        for viewer in (one, other):
            await viewer.until(status="done", at_ms=3250.0)
        assert one.state == other.state
        assert len(consumers.store.followed) == 1
    assert not consumers.store.followed


async def test_a_run_that_has_not_begun_shows_the_idle_group(group, key):
    run = await in_thread(make_run)(group, status=RunStatus.QUEUED)
    async with page(run, key) as seen:
        assert (await seen.frame())["s"] == {"at_ms": 0.0, "end_ms": 0.0, "status": "queued", "seeks": 0}
        assert seen.requests == "0"
        await in_thread(add_frames)(run, range(2))
        await seen.until(at_ms=250.0)
        assert seen.requests == "3"


async def test_a_finished_run_opens_on_its_last_picture_and_can_be_scrubbed(done, key):
    async with page(done, key) as seen:
        await seen.frame()
        assert (seen.requests, seen.says["status"]) == ("120", "done")
        await seen.send_json_to({"seek_ms": 2600, "pause": True})
        await seen.frame()
        assert (seen.requests, seen.says["at_ms"]) == ("30", 2500.0)
        assert await seen.receive_nothing(0.3)


async def test_it_says_which_seek_it_shows(done, key):
    """A viewer that seeks again before the answer can tell the first answer from the second."""
    async with page(done, key) as seen:
        await seen.frame()
        for seek_ms in (1000, 2600, 2700):
            await seen.send_json_to({"seek_ms": seek_ms, "pause": True})
        await seen.until(seeks=3)
        assert (seen.requests, seen.says["at_ms"]) == ("30", 2500.0)
        await seen.send_json_to({"seek_ms": 2550})  # the same picture
        assert await seen.frame() == {"n": seen.seen, "p": {}, "s": {**seen.says, "seeks": 4}}


async def test_the_address_may_say_where_to_begin(done, key):
    async with page(done, key, seek_ms=1000, pause="true", mode="weighted") as seen:
        await seen.frame()
        assert (seen.requests, seen.says["at_ms"]) == ("12", 1000.0)


@pytest.mark.parametrize(
    ("speed", "pause", "at_ms"), [(1, "false", 0.0), (1, "true", 10_000.0), ("max", "false", 10_000.0)]
)
async def test_a_viewer_with_a_speed_begins_at_the_beginning(done, key, speed, pause, at_ms):
    async with page(done, key, speed=speed, pause=pause) as seen:
        await seen.frame()
        assert seen.says["at_ms"] == at_ms


async def test_at_speed_10_it_plays_in_order_and_not_faster_than_the_eye(done, key):
    async with page(done, key, speed=10) as seen:
        watch, began, moments = Stopwatch(), asyncio.get_running_loop().time(), []
        while seen.says.get("at_ms") != 10_000:
            await seen.frame()
            moments.append(seen.says["at_ms"])
        took_s, worked_s = asyncio.get_running_loop().time() - began, watch.elapsed_s
    assert moments == sorted(moments)
    assert took_s > 0.9
    assert worked_s < 3
    assert 5 < len(moments) <= took_s * FRAMES_PER_S + 2


async def test_pause_and_play(done, key):
    async with page(done, key, speed=1) as seen:
        await seen.until(at_ms=0.0)
        await seen.send_json_to({"pause": True})
        while not await seen.receive_nothing(0.2):
            await seen.frame()
        held = seen.says["at_ms"]
        assert held < 10_000
        await seen.send_json_to({"pause": False, "speed": "max"})
        await seen.until(at_ms=10_000.0)


async def test_the_other_mode_comes_whole(done, key):
    async with page(done, key) as seen:
        first = await seen.frame()
        await seen.send_json_to({"mode": "weighted"})
        other = await seen.frame()
        assert "d0" in first["p"]  # the way from the first tier to the second
        assert "d0" not in other["p"]
        assert other["p"].keys() >= {"rq", "s0", "s1"}


async def test_who_never_acknowledges_gets_two_frames_and_the_rest_in_one(run, key):
    async with page(run, key) as seen:
        await seen.frame(acknowledge=False)
        await in_thread(add_frames)(run, range(10, 20))
        await seen.frame(acknowledge=False)
        await in_thread(add_frames)(run, range(20, 400))
        await in_thread(finish)(run)
        assert await seen.receive_nothing(0.5)
        await seen.send_json_to({"ack": 2, "seek_ms": 1e9})
        frame = await seen.frame()
        assert (frame["n"], seen.requests) == (3, "1,197")
        assert frame["s"] == {"at_ms": 99_750.0, "end_ms": 99_750.0, "status": "done", "seeks": 1}


async def test_a_page_that_hears_nothing_may_ask_whether_the_server_is_there(done, key):
    async with page(done, key) as seen:
        await seen.frame()
        await seen.send_to(text_data='{"ping":true}')
        assert await seen.receive_json_from() == {"pong": True}


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELLED])
async def test_the_end_is_said_even_without_another_frame(run, key, status):
    async with page(run, key) as seen:
        await seen.frame()
        await in_thread(finish)(run, status, error="The worker was killed.")
        frame = await seen.frame()
        assert (frame["p"], frame["s"]["status"]) == ({}, status.value)
        assert frame["s"].get("error") == ("The worker was killed." if status == RunStatus.FAILED else None)


async def test_a_run_whose_server_died_is_said_to_have_failed(run, key):
    async with page(run, key) as seen:
        await seen.frame()
        await in_thread(finish)(run, RunStatus.RUNNING, heartbeat_at=run.heartbeat_at - 2 * LOST_AFTER)
        await seen.until(status="failed")
        assert "server that ran it went away" in seen.says["error"]


async def test_a_run_that_is_deleted_while_somebody_looks_closes_the_socket(run, key):
    async with page(run, key) as seen:
        await seen.frame()
        await in_thread(run.delete)()
        assert await seen.closing() == (4404, "This run was deleted.")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("nonsense", "not JSON"),
        ("[1]", "JSON object"),
        ("[" * 400, "not JSON"),
        ("x" * 501, "at most 500 characters"),
        ('{"zoom": 2}', "Unknown: 'zoom'"),
        ('{"ack": true}', "ack: this must be"),
        ('{"ack": 7}', "frame 7 was never sent"),
        ('{"speed": 2}', "speed: this must be"),
        ('{"speed": []}', "speed: this must be"),
        ('{"pause": 1}', "pause: this must be"),
        ('{"seek_ms": -1}', "seek_ms: this must be"),
        ('{"seek_ms": NaN}', "seek_ms: this must be"),
        ('{"mode": "sideways"}', "mode: this must be"),
        ('{"speed": null}', "speed: this must be"),
    ],
)
async def test_what_nobody_understands_is_answered(run, key, said, why):
    async with page(run, key) as seen:
        await seen.frame()
        await seen.send_to(text_data=said)
        assert why in (await seen.receive_json_from())["error"]


async def test_too_much_of_it_closes_the_socket(run, key):
    async with page(run, key) as seen:
        for _ in range(consumers.MOST_BAD_MESSAGES + 1):
            await seen.send_to(bytes_data=b"\x00")
        assert await seen.closing() == (4400, "Too many invalid messages.")
    assert not consumers.store.followed


async def test_what_breaks_here_is_said_and_not_hidden(run, key, monkeypatch):
    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(patches.PatchView, "_frame", broken)
    assert (await closing_of(run.pk, key))[0] == 1011


async def test_viewers_of_a_run_that_was_changed_are_told_where_it_goes_on(run, group, key):
    async with page(run, key) as seen:
        await seen.frame()
        follower = await in_thread(make_run)(group, continues=run)
        await in_thread(finish)(run, RunStatus.CANCELLED, next_run=follower)
        await seen.until(status="cancelled", next=str(follower.pk))
    async with page(run, key) as late:
        assert "next" not in (await late.frame())["s"]


async def test_a_viewer_that_starts_at_a_future_moment_waits_for_it(run, key):
    async with page(run, key, seek_ms=3000, pause="true") as seen:
        await in_thread(add_frames)(run, range(10, 12))
        assert await seen.receive_nothing(0.3)
        await in_thread(add_frames)(run, range(12, 16))
        assert (await seen.frame())["s"]["at_ms"] == 3000.0


async def test_a_run_that_ends_before_the_moment_is_shown_all_the_same(run, key):
    async with page(run, key, seek_ms=3000) as seen:
        await in_thread(finish)(run, RunStatus.FAILED, error="The worker was killed.")
        assert (await seen.frame())["s"]["status"] == "failed"
