"""The frames of a run in one process: read once for all its viewers, and not at all when nobody looks."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from engine.spec import Strategy
from tester.live import stored_frames
from tester.live.frame_buffer import FrameBuffer, RunUpdate, StoredFrame
from tester.live.frames import FrameStore, RunUnknown
from tester.models import LOST_AFTER, Run, RunStatus
from tester.run_planning import RunRequest, plan
from tester.scene import DrawnGroup, drawings
from tests.tester.live.runs import add_frames, finish, make_run

RUN_ID = uuid.uuid4()
GROUP = DrawnGroup("chat", Strategy.WEIGHTED, ())


def frames(*numbers: int) -> list[StoredFrame]:
    return [StoredFrame(n, n * 250.0, f'{{"at_ms": {n * 250}}}') for n in numbers]


def news(*numbers: int, status: RunStatus = RunStatus.RUNNING, is_all: bool = True) -> RunUpdate:
    return RunUpdate(status, "", None, frames(*numbers), is_all)


class ScriptedRun:
    """A run that says what the test lets it say, when the follower looks; `rest` waits for `go_on`."""

    def __init__(self, *script: RunUpdate | Exception | None) -> None:
        self.script, self.looks, self.rests = [*script], list[int](), list[float]()
        self._turn = asyncio.Event()

    async def frame_buffer_of(self, run_id: uuid.UUID) -> FrameBuffer | None:
        return FrameBuffer(GROUP) if run_id == RUN_ID else None

    async def news_of(self, run_id: uuid.UUID, after: int) -> RunUpdate | None:
        self.looks.append(after)
        said = self.script.pop(0) if self.script else news()
        if isinstance(said, Exception):
            raise said
        return said

    async def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        await self._turn.wait()
        self._turn.clear()

    async def go_on(self) -> None:
        """The follower looks once more."""
        self._turn.set()
        for _ in range(20):
            await asyncio.sleep(0)


def store_of(run: ScriptedRun) -> FrameStore:
    return FrameStore(run, run.rest)


async def test_everything_that_is_stored_is_there_when_one_enters():
    run = ScriptedRun(news(0, 1, is_all=False), news(2, 3, is_all=False), news())
    async with store_of(run).watch(RUN_ID, asyncio.Event()) as watched:
        assert watched.buffer.times_ms == [0.0, 250.0, 500.0, 750.0]
        assert watched.buffer.frame(3) == {"at_ms": 750}
    assert run.looks == [-1, 1, 3]


async def test_fifty_viewers_cost_one_reader_and_all_are_woken():
    run = ScriptedRun(news(0), news(1))
    store, wakes = store_of(run), [asyncio.Event() for _ in range(50)]
    async with AsyncExitStack() as stack:
        watched = [await stack.enter_async_context(store.watch(RUN_ID, wake)) for wake in wakes]
        assert len({id(one.buffer) for one in watched}) == 1
        await run.go_on()
        assert all(wake.is_set() for wake in wakes)
        assert len(run.looks) == 2
    assert store.followed == frozenset()


async def test_nobody_is_woken_without_news():
    run, wake = ScriptedRun(news(0)), asyncio.Event()
    async with store_of(run).watch(RUN_ID, wake):
        await run.go_on()
        assert not wake.is_set()


async def test_a_run_is_followed_as_long_as_one_viewer_is_left():
    run = ScriptedRun(news(0), news(1), news(2))
    store = store_of(run)
    async with store.watch(RUN_ID, asyncio.Event()) as watched:
        async with store.watch(RUN_ID, asyncio.Event()):
            await run.go_on()
        await run.go_on()
        assert watched.buffer.last == 2
    await run.go_on()
    assert len(run.looks) == 3


async def test_after_the_end_nothing_is_read_any_more():
    run = ScriptedRun(news(0), news(1, status=RunStatus.DONE))
    async with store_of(run).watch(RUN_ID, asyncio.Event()) as watched:
        for _ in range(5):
            await run.go_on()
        assert (watched.buffer.status, watched.buffer.last) == (RunStatus.DONE, 1)
    assert len(run.looks) == 2


async def test_a_run_is_not_over_before_all_its_frames_are_here():
    buffer = FrameBuffer(GROUP)
    buffer.add(news(0, status=RunStatus.DONE, is_all=False))
    assert not buffer.is_over
    buffer.add(news(1, status=RunStatus.DONE))
    assert buffer.is_over


async def test_a_run_that_does_not_exist_is_not_followed():
    store = store_of(ScriptedRun())
    with pytest.raises(RunUnknown):
        async with store.watch(uuid.uuid4(), asyncio.Event()):
            pass
    assert store.followed == frozenset()


async def test_a_run_that_is_deleted_is_gone():
    run, wake = ScriptedRun(news(0), None), asyncio.Event()
    async with store_of(run).watch(RUN_ID, wake) as watched:
        await run.go_on()
        assert watched.buffer.is_gone
        assert wake.is_set()


async def test_when_the_database_is_away_for_a_moment_viewers_keep_what_they_have():
    run = ScriptedRun(news(0), OperationalError("away"), news(1))
    async with store_of(run).watch(RUN_ID, asyncio.Event()) as watched:
        for _ in range(3):
            await run.go_on()
        assert watched.buffer.last == 1
    assert run.rests[:2] == [0.1, 1.0]


def test_frames_are_read_in_pieces(group, monkeypatch):
    monkeypatch.setattr(stored_frames, "MOST_FRAMES_AT_ONCE", 3)
    run = make_run(group, frames=5)
    first, second = stored_frames.news_of(run.pk, -1), stored_frames.news_of(run.pk, 2)
    assert first is not None
    assert second is not None
    assert [(frame.n, frame.at_ms) for frame in first.frames] == [(0, 0), (1, 250), (2, 500)]
    assert (first.is_all, [frame.n for frame in second.frames], second.is_all) == (False, [3, 4], True)


def test_a_look_costs_two_queries(group, django_assert_num_queries):
    run = make_run(group, frames=5)
    with django_assert_num_queries(2):
        stored_frames.news_of(run.pk, -1)


def test_a_run_whose_server_died_has_failed(group):
    run = make_run(group, heartbeat_at=timezone.now() - 2 * LOST_AFTER)
    found = stored_frames.news_of(run.pk, -1)
    assert found is not None
    assert found.status is RunStatus.FAILED
    assert "server that ran it went away" in found.error


@pytest.mark.django_db
def test_no_run_no_news():
    assert stored_frames.news_of(uuid.uuid4(), -1) is None
    assert stored_frames.frame_buffer_of(uuid.uuid4()) is None


def test_a_run_that_kept_no_picture_is_drawn_as_its_group_is(group, ids, django_assert_num_queries):
    run = make_run(group)
    with django_assert_num_queries(4):
        buffer = stored_frames.frame_buffer_of(run.pk)
    assert buffer is not None
    assert [(d.name, d.deployment_id, d.colour, d.priority) for d in buffer.group.deployments] == [
        ("Nebius", ids[0], "nebius", 1),
        ("Fireworks", ids[1], "fireworks", 2),
    ]


def test_a_run_is_drawn_as_it_ran_even_if_its_group_has_changed(group, django_assert_num_queries):
    planned = plan(group, RunRequest(seed=1))
    run = make_run(group, config=planned.config)
    group.deployments.all().delete()
    with django_assert_num_queries(2):
        buffer = stored_frames.frame_buffer_of(run.pk)
    assert buffer is not None
    assert buffer.group == drawings.from_json(json.loads(json.dumps(planned.config["group"])))
    assert [(d.name, d.colour) for d in buffer.group.deployments] == [("Nebius", "nebius"), ("Fireworks", "fireworks")]


def test_a_run_outlives_its_group_in_the_picture(group):
    row = {"deployment_id": "x", "deployment_name": "Gone", "provider": "Groq", "priority": 1, "weight": None}
    run = make_run(group, result={"traffic_distribution": [row]}, status=RunStatus.DONE)
    group.delete()
    drawn = drawings.drawn_group_of(Run.objects.get(pk=run.pk))
    assert (drawn.name, drawn.strategy) == ("chat", Strategy.PRIORITY_FAILOVER)
    assert [(d.name, d.colour) for d in drawn.deployments] == [("Gone", "groq")]


def test_a_deployment_that_takes_no_traffic_is_not_drawn(group):
    group.deployments.last().model.__class__.objects.filter(provider__name="Fireworks").update(enabled=False)
    assert [d.name for d in drawings.drawn_group_of(make_run(group)).deployments] == ["Nebius"]


def test_frames_come_as_the_database_keeps_them(group):
    run = make_run(group, frames=1)
    add_frames(run, range(1, 3))
    finish(run, result={"seed": 1})
    found = stored_frames.news_of(run.pk, 0)
    assert found is not None
    buffer = FrameBuffer(GROUP)
    buffer.add(found)
    assert (buffer.status, buffer.result, buffer.end_ms) == (RunStatus.DONE, {"seed": 1}, 500.0)
    assert buffer.frame(1) == run.frames.get(n=2).data
    assert timezone.now() - run.heartbeat_at < timedelta(minutes=1)
