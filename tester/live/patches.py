"""A run for a page: a whole first frame, then attribute patches, never more than the page can draw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from tester.live.commands import BadCommand, ViewerCommand
from tester.live.frames import WatchedRun
from tester.live.pictures import PictureKey
from tester.live.player import FRAME_S, Player
from tester.live.waking import until
from tester.models import RunStatus
from tester.scene import mode_of

MOST_UNACKNOWLEDGED = 2


class PatchView:
    """The view of one page.

    Frames that it has no time for are skipped: a patch leads from its last frame to the newest.
    """

    def __init__(
        self, watched: WatchedRun, wake: asyncio.Event, command: ViewerCommand, clock: Callable[[], float]
    ) -> None:
        self._buffer, self._pictures = watched.buffer, watched.pictures
        self._wake, self._clock = wake, clock
        self._mode = command.mode or mode_of(self._buffer.group.strategy)
        self._player = Player(clock(), self._buffer.times_ms)
        self._change(replace(command, at_ms=command.begins_at_ms))
        # A viewer that comes from the run before keeps its picture until this run reaches the same moment.
        self._awaited_ms = command.at_ms
        self._came_in_time = not self._buffer.is_over
        self._shown: PictureKey | None = None
        self._standing: dict[str, Any] = {}
        self._next_s = 0.0
        self._sent = self._acknowledged = self._seeks = 0

    def take(self, command: ViewerCommand) -> None:
        """Applies a command from the next frame on; raises BadCommand for an ack of a frame that was never sent."""
        if command.ack is not None and not 1 <= command.ack <= self._sent:
            raise BadCommand(f"ack: frame {command.ack} was never sent.")
        self._acknowledged = max(self._acknowledged, command.ack or 0)
        self._mode = command.mode or self._mode
        self._seeks += command.at_ms is not None
        if self._awaited_ms is not None and command.at_ms is not None:
            self._awaited_ms = command.at_ms
        self._change(command)
        self._wake.set()

    def _change(self, command: ViewerCommand) -> None:
        now_s, times_ms = self._clock(), self._buffer.times_ms
        self._player.change(now_s, times_ms, speed=command.speed, is_paused=command.is_paused, at_ms=command.at_ms)

    async def messages(self) -> AsyncIterator[str]:
        """Frames as JSON, each when it is due; stops when the run is deleted."""
        while not self._buffer.is_gone:
            self._wake.clear()
            due_s = self._due_s()
            if due_s is not None and due_s <= self._clock():
                yield self._frame()
            else:
                await until(self._wake, due_s, self._clock)

    def _due_s(self) -> float | None:
        """The time of the next frame; None while nothing happens."""
        if self._is_early():
            return None
        now_s = self._clock()
        due_s = self._player.due_s(
            now_s, self._buffer.times_ms
        )  # always called, because time passes for slow pages too
        due_s = now_s if self._has_changed else due_s
        is_full = self._sent - self._acknowledged >= MOST_UNACKNOWLEDGED
        return None if is_full or due_s is None else max(due_s, self._next_s)

    def _is_early(self) -> bool:
        """Whether the start is still in the future."""
        if self._awaited_ms is None:
            return False
        if not self._buffer.is_over and self._buffer.end_ms < self._awaited_ms:
            return True
        self._change(ViewerCommand(at_ms=self._awaited_ms))
        self._awaited_ms = None
        return False

    @property
    def _has_changed(self) -> bool:
        """Whether there is something to send even without a new frame."""
        if self._shown is None or self._shown.mode is not self._mode:
            return True
        return self._standing != self._standing_at(self._shown.frame)

    def _standing_at(self, index: int) -> dict[str, Any]:
        buffer = self._buffer
        standing: dict[str, Any] = {"at_ms": buffer.times_ms[index] if index >= 0 else 0.0, "end_ms": buffer.end_ms}
        standing["status"], standing["seeks"] = buffer.status.value, self._seeks
        if buffer.next_run is not None and self._came_in_time:
            standing["next"] = buffer.next_run
        return {**standing, "error": buffer.error} if buffer.status is RunStatus.FAILED else standing

    def _frame(self) -> str:
        now_s = self._clock()
        shot = PictureKey(self._mode, self._player.take(now_s, self._buffer.times_ms))
        patch = self._pictures.patch(self._shown, shot)
        standing = self._standing_at(shot.frame)
        told = "" if standing == self._standing else f',"s":{to_json(standing).decode()}'
        self._shown, self._standing = shot, standing
        # In step: a late frame does not delay the next ones, but two frames never follow at once.
        self._next_s = max(self._next_s + FRAME_S, now_s + FRAME_S / 2)
        self._sent += 1
        return f'{{"n":{self._sent},"p":{patch}{told}}}'
