"""A run for a page: a whole first frame, then attribute patches, never more than the page can draw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from tester.live.commands import BadCommand, ViewerCommand
from tester.live.frames import WatchedRun
from tester.live.pictures import Shot
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
        self, watched: WatchedRun, wake: asyncio.Event, wish: ViewerCommand, clock: Callable[[], float]
    ) -> None:
        self._reel, self._pictures = watched.reel, watched.pictures
        self._wake, self._clock = wake, clock
        self._mode = wish.mode or mode_of(self._reel.group.strategy)
        self._player = Player(clock(), self._reel.times_ms)
        self._change(replace(wish, at_ms=wish.begins_at_ms))
        # A viewer that comes from the run before keeps its picture until this run reaches the same moment.
        self._awaited_ms = wish.at_ms
        self._came_in_time = not self._reel.is_over
        self._shown: Shot | None = None
        self._standing: dict[str, Any] = {}
        self._next_s = 0.0
        self._sent = self._acknowledged = self._seeks = 0

    def take(self, wish: ViewerCommand) -> None:
        """Applies a command from the next frame on; raises BadCommand for an ack of a frame that was never sent."""
        if wish.ack is not None and not 1 <= wish.ack <= self._sent:
            raise BadCommand(f"ack: frame {wish.ack} was never sent.")
        self._acknowledged = max(self._acknowledged, wish.ack or 0)
        self._mode = wish.mode or self._mode
        self._seeks += wish.at_ms is not None
        if self._awaited_ms is not None and wish.at_ms is not None:
            self._awaited_ms = wish.at_ms
        self._change(wish)
        self._wake.set()

    def _change(self, wish: ViewerCommand) -> None:
        now_s, times_ms = self._clock(), self._reel.times_ms
        self._player.change(now_s, times_ms, speed=wish.speed, is_paused=wish.is_paused, at_ms=wish.at_ms)

    async def messages(self) -> AsyncIterator[str]:
        """Frames as JSON, each when it is due; stops when the run is deleted."""
        while not self._reel.is_gone:
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
        due_s = self._player.due_s(now_s, self._reel.times_ms)  # always called, because time passes for slow pages too
        due_s = now_s if self._has_changed else due_s
        is_full = self._sent - self._acknowledged >= MOST_UNACKNOWLEDGED
        return None if is_full or due_s is None else max(due_s, self._next_s)

    def _is_early(self) -> bool:
        """Whether the start is still in the future."""
        if self._awaited_ms is None:
            return False
        if not self._reel.is_over and self._reel.end_ms < self._awaited_ms:
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
        reel = self._reel
        standing: dict[str, Any] = {"at_ms": reel.times_ms[index] if index >= 0 else 0.0, "end_ms": reel.end_ms}
        standing["status"], standing["seeks"] = reel.status.value, self._seeks
        if reel.next_run is not None and self._came_in_time:
            standing["next"] = reel.next_run
        return {**standing, "error": reel.error} if reel.status is RunStatus.FAILED else standing

    def _frame(self) -> str:
        now_s = self._clock()
        shot = Shot(self._mode, self._player.take(now_s, self._reel.times_ms))
        patch = self._pictures.patch(self._shown, shot)
        standing = self._standing_at(shot.frame)
        told = "" if standing == self._standing else f',"s":{to_json(standing).decode()}'
        self._shown, self._standing = shot, standing
        # In step: a late frame does not delay the next ones, but two frames never follow at once.
        self._next_s = max(self._next_s + FRAME_S, now_s + FRAME_S / 2)
        self._sent += 1
        return f'{{"n":{self._sent},"p":{patch}{told}}}'
