"""The content of a run's files: its frames as JSON, the scene of a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import TextField
from django.db.models.functions import Cast
from pydantic_core import to_json

from tester.models import Frame, Run
from tester.scene import Mode, Scene, mode_of, scene_of
from tester.scene.drawings import drawn_group_of
from tester.traces.timeline import seconds

FRAMES_AT_ONCE = 200


async def json_of(run: Run) -> AsyncIterator[bytes]:
    """The run as one JSON object `{run, config, result, frames}`, a few frames at a time."""
    head = {"run": _about(run), "config": run.config, "result": run.result}
    yield to_json(head)[:-1] + b',"frames":['
    following = sync_to_async(_frames_after)
    separator, last = "", -1
    while rows := await following(run, last):
        yield (separator + ",".join(text for _, text in rows)).encode()
        separator, last = ",", rows[-1][0]
    yield b"]}"


def scene_at(run: Run, at_ms: float | None, mode: Mode | None) -> tuple[Scene, str]:
    """The diagram at a moment (None: the last stored one) and a line that names the run and the moment."""
    group = drawn_group_of(run)
    frames = run.frames.all() if at_ms is None else run.frames.filter(data__at_ms__lte=at_ms)
    frame = frames.last()
    moment = f", at {seconds(frame.data['at_ms'])}" if frame else ""
    about = f"{'real requests' if run.is_real else run.scenario}, seed {run.seed}{moment}"
    return scene_of(group, frame.data if frame else None, mode or mode_of(group.strategy)), about


def _about(run: Run) -> dict[str, Any]:
    return {
        "run_id": str(run.pk),
        "routing_group_name": run.group_name,
        "group_revision": run.group_revision,
        "scenario": run.scenario,
        "seed": run.seed,
        "is_real": run.is_real,
        "status": run.current_status,
        "error": run.current_error,
        "created_by": run.created_by,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def _frames_after(run: Run, n: int) -> list[tuple[int, str]]:
    rows = Frame.objects.filter(run=run, n__gt=n).order_by("n")
    return list(rows.values_list("n", Cast("data", TextField()))[:FRAMES_AT_ONCE])
