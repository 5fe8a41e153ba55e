"""Rows -> a frame buffer. The only queries of the live view."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from uuid import UUID

from channels.db import database_sync_to_async
from django.db.models import TextField
from django.db.models.functions import Cast

from tester.live.frame_buffer import FrameBuffer, RunUpdate, StoredFrame
from tester.models import Frame, Run
from tester.scene.drawings import drawn_group_of

P = ParamSpec("P")
T = TypeVar("T")

MOST_FRAMES_AT_ONCE = 500


async def in_database_thread(look: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The live view's one crossing to synchronous code."""
    found: T = await database_sync_to_async(look)(*args, **kwargs)
    return found


def frame_buffer_of(run_id: UUID) -> FrameBuffer | None:
    """An empty frame buffer for a run, or None without such a run."""
    run = Run.objects.defer("config", "engine_input").filter(pk=run_id).first()
    return None if run is None else FrameBuffer(drawn_group_of(run))


def news_of(run_id: UUID, after: int) -> RunUpdate | None:
    """The status of a run, and its frames after number `after`; two small queries. None: the run was deleted."""
    # The status first: frames are written before a run's end, so none can be missed.
    run = Run.objects.only("status", "error", "heartbeat_at", "result", "next_run_id").filter(pk=run_id).first()
    if run is None:
        return None
    rows = Frame.objects.filter(run_id=run_id, n__gt=after).order_by("n")
    texts = rows.values_list("n", "data__at_ms", Cast("data", TextField()))[:MOST_FRAMES_AT_ONCE]
    frames = [StoredFrame(*row) for row in texts]
    is_all, follower = len(frames) < MOST_FRAMES_AT_ONCE, run.next_run_id
    next_run = None if follower is None else str(follower)
    return RunUpdate(run.current_status, run.current_error, run.result, frames, is_all, next_run)
